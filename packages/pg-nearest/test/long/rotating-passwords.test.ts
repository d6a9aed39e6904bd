import { startWorld } from 'pg-nearest-world'
import { expect, test } from 'vitest'
import { withUsers } from '../postgres/fixtures.ts'
import { connectUnderRotation } from '../postgres/rotating-password.ts'

test('1,000 connections with a password that changes every second: nothing fails, and nothing is cut', async () => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 5 })
  await withUsers(world)
  const { connections, failures, written } = await connectUnderRotation(world, 1_000, 1_000)
  expect(failures).toEqual([])
  expect(connections).toBeGreaterThanOrEqual(1_000)
  expect(written).toBeGreaterThan(0)
}, 300_000)
