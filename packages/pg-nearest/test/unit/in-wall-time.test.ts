import { expect, test } from 'vitest'
import { inWallTime } from '../../src/topology/in-wall-time.ts'
import { serverState } from './server-state.ts'

const snapshot = { asOf: 1_000_000, servers: [serverState({ since: 900_000, lastSeenAt: 999_000 }), serverState({})] }

test('a snapshot whose times are those of the day is left as it is', () => {
  expect(inWallTime(snapshot, 0.7)).toBe(snapshot)
})

test('where the time of day was set back, so are its times', () => {
  const { asOf, servers } = inWallTime(snapshot, 300_000)
  expect(asOf).toBe(700_000)
  expect(servers[0]).toMatchObject({ since: 600_000, lastSeenAt: 699_000, name: 'ord' })
  expect(servers[1]?.lastSeenAt).toBeUndefined()
})
