import { classify } from '../../../packages/pg-nearest/src/classification/classify.ts'
import {
  primaryOnlyColumn,
  primaryOnlyFunction,
  primaryOnlyRelation,
} from '../../../packages/pg-nearest/src/classification/primary-only-names.ts'
import type {
  StatementClass,
  StatementNeed,
} from '../../../packages/pg-nearest/src/classification/statement-need-types.ts'
import { tokenize, type Token } from '../../../packages/pg-nearest/src/classification/tokenizer.ts'
import type { RouteReason } from '../../../packages/pg-nearest/src/events/served-by.ts'

/** What the page says of a text. */
export interface Verdict {
  readonly class: StatementClass
  readonly route: string
  readonly reason: RouteReason
  readonly why: string
  /** The word that decided, as far as one can be named. */
  readonly because: string | undefined
  readonly note: string | undefined
}

const REPLICA = 'the replica of this region, else the nearest server'
const PRIMARY = 'the primary'
const ONE_CONNECTION = 'one connection of the primary'

const VERDICTS: Readonly<Record<StatementClass, Pick<Verdict, 'route' | 'reason' | 'why'>>> = {
  read: {
    route: REPLICA,
    reason: 'own-region',
    why: 'It looks as if it only reads. If a function in it writes after all, the replica refuses that, nothing has happened, and it runs on the primary.',
  },
  write: { route: PRIMARY, reason: 'write', why: 'It writes, locks rows, or nobody can tell that it does not.' },
  'server-bound': {
    route: PRIMARY,
    reason: 'server-bound',
    why: 'It writes nothing, but each server would answer it for itself. pool.queryEach() asks every one.',
  },
  session: {
    route: ONE_CONNECTION,
    reason: 'session',
    why: 'It uses something that belongs to one connection, or leaves it there. A borrowed client stays on that connection from here on.',
  },
  transaction: {
    route: ONE_CONNECTION,
    reason: 'transaction',
    why: 'It begins, ends or divides a transaction, which is a matter for a client of pool.connect(), or for pool.transaction().',
  },
}

const READ_ONLY = {
  route: REPLICA,
  why: 'It begins a transaction that only reads, which a replica can do. pool.transaction({ readOnly: true }, …) is the same.',
}

const PARTLY = 'If it fails, a part of it may have been committed, so it is not sent a second time.'

/** Never throws. Linear in the text's length. */
export function verdictOn(text: string): Verdict {
  const need = classify(text)
  const beginsReading = need.transaction?.standbyCanBegin === true
  return {
    class: need.class,
    ...VERDICTS[need.class],
    ...(beginsReading ? READ_ONLY : {}),
    because: because(tokenize(text).tokens, need),
    note: need.mayCommitInside === true ? PARTLY : undefined,
  }
}

/** So that a name of a megabyte is not shown. */
const LONGEST = 60
const READING: ReadonlySet<string> = new Set(['select', 'values', 'table', 'with', 'explain', 'copy'])
const WRITING: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge', 'into'])
const LOCKING: ReadonlySet<string> = new Set(['update', 'no', 'share', 'key'])

function because(tokens: readonly Token[], need: StatementNeed): string | undefined {
  if (need.class === 'read') return undefined
  const found = namedBy(tokens, need) ?? keyword(tokens, need) ?? firstWord(tokens)
  return found !== undefined && found.length > LONGEST ? `${found.slice(0, LONGEST)}…` : found
}

/** A function, a relation or a column that only the primary may answer for. */
function namedBy(tokens: readonly Token[], need: StatementNeed): string | undefined {
  for (const [i, { kind, text }] of tokens.entries()) {
    if (kind !== 'word' && kind !== 'name') continue
    const called = tokens[i + 1]?.text === '('
    const bound = called ? primaryOnlyFunction(text) : (primaryOnlyRelation(text) ?? primaryOnlyColumn(text))
    if (bound === need.class) return called ? `${text}()` : text
  }
  return undefined
}

function keyword(tokens: readonly Token[], need: StatementNeed): string | undefined {
  if (need.class !== 'write') return undefined
  for (const [i, { kind, text }] of tokens.entries()) {
    if (kind !== 'word') continue
    const next = tokens[i + 1]?.text ?? ''
    if (text === 'for' && LOCKING.has(next)) return `for ${next}`
    if (WRITING.has(text)) return text
  }
  return undefined
}

function firstWord(tokens: readonly Token[]): string | undefined {
  const [first] = tokens
  return first?.kind === 'word' && !READING.has(first.text) ? first.text : undefined
}
