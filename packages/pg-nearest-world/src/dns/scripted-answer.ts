import type { Record, Reply } from './dns-message.ts'
import type { WireAnswer } from './dns-server.ts'
import { mangle } from './mangle.ts'

/**
 * How a name is answered instead of with the truth.
 *
 * - `empty`: it exists, and has no records.
 * - `missing`, `failed`, `refused`: NXDOMAIN, SERVFAIL, REFUSED.
 * - `silent`: not at all. `{ delayMs }`: the truth, but that late.
 * - `truncated`: the truth, but only over TCP; a datagram says so.
 * - `mangled`: the truth, with bytes changed, cut or doubled, each time otherwise.
 * - `{ records }`: these.
 */
export type ScriptedAnswer =
  | 'empty'
  | 'missing'
  | 'failed'
  | 'refused'
  | 'silent'
  | 'truncated'
  | 'mangled'
  | { readonly delayMs: number }
  | { readonly records: readonly Record[] }

const STATUS = { empty: 'NOERROR', missing: 'NXDOMAIN', failed: 'SERVFAIL', refused: 'REFUSED' } as const

/** What is sent for a scripted answer, given the truth. `undefined`: nothing. */
export function scripted(
  answer: ScriptedAnswer | undefined,
  truth: Reply,
  random: () => number,
): WireAnswer | undefined {
  if (answer === undefined) return { reply: truth }
  if (typeof answer === 'object') {
    return 'records' in answer
      ? { reply: { status: 'NOERROR', records: answer.records } }
      : { reply: truth, delayMs: answer.delayMs }
  }
  switch (answer) {
    case 'silent':
      return undefined
    case 'truncated':
      return { reply: truth, truncated: true }
    case 'mangled':
      return { reply: truth, distort: (message) => mangle(message, random) }
    default:
      return { reply: { status: STATUS[answer], records: [] } }
  }
}
