import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runLeaks } from '../leaks/run.ts'
import { leaksOf } from '../leaks/verdict.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
})
afterAll(() => world.stop())

/** Ten minutes of it: `npm run leaks`. */
test('a pool that works and is broken, again and again, holds no more in the end than in the beginning', async () => {
  const report = await runLeaks(world, { seconds: 16, rounds: 3 })
  expect(leaksOf(report)).toEqual([])
  for (const { socketsMeanwhile, connections } of report.samples) {
    expect(socketsMeanwhile, 'those of the pool are counted').toBeGreaterThanOrEqual(connections)
    expect(connections).toBeGreaterThan(0)
  }
  expect(report.operations).toBeGreaterThan(300)
}, 120_000)
