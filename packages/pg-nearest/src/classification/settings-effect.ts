import type { SessionEffect } from './statement-need-types.ts'
import type { Token } from './tokenizer.ts'

/** What RESET ALL does not set back, by its first word. */
const NOT_RESET: ReadonlySet<string> = new Set(['role', 'session'])

/** What SET, RESET, SHOW or DISCARD does to its connection; `undefined`: anything. */
export function sessionEffect(tokens: readonly Token[]): SessionEffect | undefined {
  const [verb, first, second] = tokens.map(({ text }) => text)
  // They say whether a transaction may write.
  if (tokens.some(({ text }) => text.startsWith('transaction_'))) return undefined
  switch (verb) {
    case 'show':
      return 'local'
    case 'discard':
      return first === 'all' ? 'discard' : undefined
    case 'reset':
      if (first === 'all') return 'reset'
      return NOT_RESET.has(first ?? '') ? undefined : 'setting'
    case 'set':
      if (first === 'local') return 'local'
      return NOT_RESET.has(first === 'session' && second !== 'authorization' ? (second ?? '') : (first ?? ''))
        ? undefined
        : 'setting'
    default:
      return undefined
  }
}

/** Whether the function that is called at `i` only reads a setting, or sets one until the transaction ends. */
export function callsLocally(tokens: readonly Token[], i: number): boolean {
  const name = tokens[i]?.text
  if (name === 'current_setting') return true
  if (name !== 'set_config') return false
  const end = endOfCall(tokens, i + 1)
  const [comma, last] = tokens.slice(end - 2, end)
  return comma?.text === ',' && last?.kind === 'word' && last.text === 'true'
}

/** Where the parenthesis at `start` is closed. */
function endOfCall(tokens: readonly Token[], start: number): number {
  let depth = 0
  for (let i = start; i < tokens.length; i++) {
    const { kind, text } = tokens[i] as Token
    if (kind !== 'symbol') continue
    if (text === '(') depth++
    if (text === ')' && --depth === 0) return i
  }
  return 0
}
