import { mayLeaveState } from './stateless-functions.ts'
import { isSingleStatement } from '../classification/transaction-text-predicates.ts'
import { tokenize, type Token } from '../classification/tokenizer.ts'

/** With which others a read may share a Sync, and so a transaction: its locks, its `now()`, and what a function leaves in it. */
export interface SyncSharing {
  /** With those that read the same; `undefined`: with nobody. */
  readonly tables: string | undefined
  /** It must be parsed for each use: see `hasPassingLiteral`. */
  readonly parsesAnew?: true
}

const ALONE: SyncSharing = { tables: undefined }

/** Longer ones are worth a connection of their own. */
const MOST_CHARACTERS = 20_000

/**
 * What a read may share. `undefined`: it must have a connection to itself, because it may call something that leaves a trace or that
 * takes its time, or is no plain query. What a view, a policy, an operator or a cast calls does not show. Linear in the text's length.
 */
export function syncSharing(text: string): SyncSharing | undefined {
  if (text.length > MOST_CHARACTERS || text.includes('\0') || !isSingleStatement(text)) return undefined
  const { tokens, doubtful } = tokenize(text)
  if (doubtful || !isQuery(tokens) || mayLeaveState(text) || tokens.some((_, i) => isHeldApart(tokens, i)))
    return undefined
  if (READS_CLOCK.test(text) || tokens.some((_, i) => isAge(tokens, i))) return ALONE
  return { tables: onlyTable(tokens) ?? text }
}

function isQuery([first]: readonly Token[]): boolean {
  return first?.kind === 'word' && ['select', 'values', 'table', 'with'].includes(first.text)
}

/** It waits, or looks at relations that only its parameters name. */
function isHeldApart(tokens: readonly Token[], i: number): boolean {
  const { kind, text } = tokens[i] as Token
  if (kind === 'symbol' || kind === 'literal' || tokens[i + 1]?.text !== '(') return false
  return text.startsWith('pg_') || text.startsWith('has_') || OF_CATALOG.has(text)
}

const OF_CATALOG: ReadonlySet<string> = new Set([
  'col_description',
  'obj_description',
  'shobj_description',
  'to_regclass',
])

/** Also in a string that becomes a time. One with escapes may hide it. */
const READS_CLOCK =
  /\b(?:now|today|tomorrow|yesterday|current_(?:date|time|timestamp)|localtime|localtimestamp|transaction_timestamp|statement_timestamp|clock_timestamp|timeofday)\b|\\/i

/** The function, and not a column of that name. */
function isAge(tokens: readonly Token[], i: number): boolean {
  return tokens[i]?.text === 'age' && tokens[i + 1]?.text === '('
}

/** The only table that is named in a text, if that is plain to see. */
function onlyTable(tokens: readonly Token[]): string | undefined {
  const from = tokens.findIndex(isFrom)
  if (from < 0 || tokens.findLastIndex(isFrom) !== from) return undefined
  if (tokens.some(({ kind, text }) => kind === 'word' && SEVERAL.has(text))) return undefined
  let at = from + 1
  let name = nameAt(tokens, at)
  for (; tokens[at + 1]?.text === '.'; at += 2) name += `.${nameAt(tokens, at + 2)}`
  const next = tokens[at + 1]
  if (name.includes('?') || (next?.kind === 'symbol' && next.text !== ')')) return undefined
  for (const { kind, text } of tokens.slice(at + 1)) {
    if (kind === 'symbol' && text === ',') return undefined
    if ((kind === 'word' && CLAUSES.has(text)) || (kind === 'symbol' && text === ')')) break
  }
  return name
}

function isFrom({ kind, text }: Token): boolean {
  return kind === 'word' && text === 'from'
}

/** With a `?` if there is none. */
function nameAt(tokens: readonly Token[], at: number): string {
  const { kind, text } = tokens[at] ?? { kind: 'symbol' as const, text: '' }
  return kind === 'word' ? text : kind === 'name' && !text.includes('?') ? JSON.stringify(text) : '?'
}

/** Words behind which there may be another table, or that stand where its name would. */
const SEVERAL: ReadonlySet<string> = new Set(['join', 'table', 'only', 'lateral', 'rows', 'with', 'tablesample'])
const CLAUSES: ReadonlySet<string> = new Set(
  'where group having window order limit offset fetch union intersect except'.split(' '),
)
