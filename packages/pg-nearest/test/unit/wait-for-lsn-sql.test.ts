import { expect, test } from 'vitest'
import { canWaitForLsn, waitForLsn } from '../../src/probe/wait-for-lsn-sql.ts'

test.each([
  [undefined, false],
  ['', false],
  ['unknown', false],
  ['9.6.24', false],
  ['15.18 (Debian 15.18-0+deb12u1)', false],
  ['18.4', false],
  ['19beta2', true],
  ['19.0', true],
  ['20.1 (Debian 20.1-1)', true],
])('a server of version %j can wait: %j', (version, can) => {
  expect(canWaitForLsn(version)).toBe(can)
})

test.each([
  [-5, 1],
  // Would be for ever.
  [0, 1],
  [0.3, 1],
  [7.2, 8],
  [20, 20],
  [60_000, 20],
  [Number.POSITIVE_INFINITY, 20],
])('who has %d ms waits %d ms at most', (withinMs, ms) => {
  expect(waitForLsn({ lsn: 0x1_0000_02a0n, withinMs })).toBe(`WAIT FOR LSN '1/2A0' WITH (TIMEOUT '${ms}ms', NO_THROW)`)
})
