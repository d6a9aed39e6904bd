import type { Token } from '../classification/tokenizer.ts'

/** As the conventions advise. */
const LONGEST = 255

/** Commands whose objects are not looked for: the summary is the command alone. */
const PLAIN: ReadonlySet<string> = new Set(
  (
    'abort alter analyze begin call checkpoint close cluster comment commit copy create deallocate declare discard do drop ' +
    'end execute explain fetch grant import listen load lock move notify prepare reassign refresh reindex release reset ' +
    'revoke rollback savepoint security set show start truncate unlisten vacuum values'
  ).split(' '),
)

/** After these a parenthesis behind the table's name begins a list of columns, not a call's arguments. */
const WRITES: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge'])

/**
 * What a text does to what, without any value: `SELECT users`, `INSERT orders SELECT carts`. `undefined` if that does not
 * show. Pure, total, and linear in the text. Names are as PostgreSQL reads them.
 */
export function querySummary(tokens: readonly Token[]): string | undefined {
  const words: string[] = []
  /** For each open parenthesis, whether it contains a query; otherwise FROM belongs to a function's arguments. */
  const queries: boolean[] = [false]
  let statement = true
  for (const [i, { kind, text }] of tokens.entries()) {
    const begins = statement
    statement = kind === 'symbol' && text === ';'
    if (kind === 'symbol') note(queries, text)
    if (kind !== 'word') continue
    const operation = operationAt(tokens, i, begins)
    if (operation !== undefined) {
      words.push(operation.toUpperCase())
      if (!PLAIN.has(operation)) queries[queries.length - 1] = true
    }
    const target = hasTarget(tokens, i, operation, queries.at(-1) === true) ? targetAfter(tokens, i) : undefined
    if (target !== undefined) words.push(target)
  }
  return joined(words)
}

function note(queries: boolean[], symbol: string): void {
  if (symbol === '(') queries.push(false)
  else if (symbol === ')' && queries.length > 1) queries.pop()
  else if (symbol === ';') queries.splice(0, queries.length, false)
}

function operationAt(tokens: readonly Token[], i: number, begins: boolean): string | undefined {
  const text = tokens[i]?.text ?? ''
  const next = tokens[i + 1]?.text
  switch (text) {
    case 'select':
      return text
    case 'insert':
    case 'merge':
      return next === 'into' ? text : undefined
    case 'delete':
      return next === 'from' ? text : undefined
    case 'update':
      // Elsewhere it is FOR UPDATE, ON CONFLICT DO UPDATE, or a column.
      return begins || (tokens[0]?.text === 'with' && ['(', ')'].includes(tokens[i - 1]?.text ?? '')) ? text : undefined
    case 'table':
      return begins ? text : undefined
    default:
      return begins && PLAIN.has(text) ? text : undefined
  }
}

function hasTarget(tokens: readonly Token[], i: number, operation: string | undefined, inQuery: boolean): boolean {
  const text = tokens[i]?.text
  if (text === 'into') return WRITES.has(tokens[i - 1]?.text ?? '')
  if (text === 'from') return inQuery && tokens[i - 1]?.text !== 'distinct'
  if (text === 'join') return inQuery
  return operation === 'update' || operation === 'table'
}

/** A name with its schema; nothing for a subquery or a call. */
function targetAfter(tokens: readonly Token[], i: number): string | undefined {
  let at = i + 1
  while (['only', 'lateral'].includes(tokens[at]?.text ?? '') && tokens[at]?.kind === 'word') at++
  const parts: string[] = []
  for (;;) {
    const token = tokens[at]
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'name')) return undefined
    parts.push(token.text)
    if (tokens[at + 1]?.text !== '.') break
    at += 2
  }
  const isCall = tokens[at + 1]?.text === '(' && tokens[i]?.text !== 'into'
  return isCall || parts[0] === 'select' ? undefined : parts.join('.')
}

/** Shortens at a word's end. */
function joined(words: readonly string[]): string | undefined {
  let summary = words[0]
  for (const word of words.slice(1)) {
    if (`${summary} ${word}`.length > LONGEST) break
    summary = `${summary} ${word}`
  }
  return summary === undefined || summary.length > LONGEST ? undefined : summary
}
