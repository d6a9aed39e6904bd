import type { QueryEvent, ServedBy } from 'pg-nearest'
import { expect, it } from 'vitest'
import { servedLine, serverTiming } from '../../src/web/served.ts'

const query = (durationMs: number, servedBy?: Partial<ServedBy>): QueryEvent => ({
  text: 'select 1',
  mode: 'normal',
  durationMs,
  servedBy: servedBy && {
    server: 'ord',
    region: 'ord',
    role: 'replica',
    reason: 'own-region',
    attempts: 1,
    ...servedBy,
  },
})

const nrt = { server: 'nrt', region: 'nrt', role: 'primary' } as const

it.each([
  ['ord', [], 'served by ord'],
  ['ord', [query(1.94, {})], 'served by ord · read from ord (replica) in 1.9 ms'],
  ['ord', [query(128.4, { ...nrt, reason: 'no-replica' })], 'served by ord · read from nrt (primary) in 128 ms'],
  ['ord', [query(128.4, { ...nrt, reason: 'write' })], 'served by ord · wrote to nrt (primary) in 128 ms'],
  ['ord', [query(1, {}), query(2.5, {})], 'served by ord · read from ord (replica) in 3.5 ms'],
  [
    'ord',
    [query(1, {}), query(250, { ...nrt, reason: 'learned-write' })],
    'served by ord · read from ord (replica) in 1.0 ms · wrote to nrt (primary) in 250 ms',
  ],
  ['ord', [query(129, { ...nrt, reason: 'transaction' })], 'served by ord · wrote to nrt (primary) in 129 ms'],
  ['ord', [query(1, { reason: 'transaction' })], 'served by ord · read from ord (replica) in 1.0 ms'],
  ['ord', [query(2000)], 'served by ord'],
  [
    undefined,
    [query(0.41, { server: 'primary', region: undefined, role: 'primary', reason: 'no-replica' })],
    'served by local · read from local (primary) in 0.4 ms',
  ],
])('%s, %j', (region, queries, line) => {
  expect(servedLine(region, queries)).toBe(line)
})

it('says the same in Server-Timing', () => {
  expect(serverTiming([query(1.94, {}), query(128.44, { ...nrt, reason: 'write' })])).toBe(
    'ord;desc="replica";dur=1.9, nrt;desc="primary";dur=128.4',
  )
})
