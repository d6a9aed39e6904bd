import { tokenize } from '../classification/tokenizer.ts'
import { mayLeaveState } from './stateless-functions.ts'

/**
 * Whether a single statement that writes or locks rows calls something for its own sake, and not on the way: a query does so wherever it calls
 * it, and any other one in what it returns.
 */
export function callsStatefulFunction(text: string): boolean {
  if (isQuery(text)) return mayLeaveState(text)
  const returned = /\breturning\b(.*)$/is.exec(text)?.[1]
  return returned !== undefined && mayLeaveState(returned)
}

const QUERIES: ReadonlySet<string> = new Set(['select', 'values', 'table', 'with'])

function isQuery(text: string): boolean {
  const first = tokenize(text).tokens.find(({ kind }) => kind === 'word')
  return first !== undefined && QUERIES.has(first.text)
}
