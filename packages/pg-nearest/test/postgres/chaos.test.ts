import { afterAll, beforeAll, expect, test } from 'vitest'
import type { World } from 'pg-nearest-world'
import type { FaultName } from 'pg-nearest-world/chaos'
import { chaosText, findingText } from '../chaos/report-text.ts'
import { chaosWorld, runChaos } from '../chaos/run.ts'

/** Others, and ten minutes of them: `npm run chaos`. */
const SEED = 20_261_123
const FAULTS: readonly FaultName[] = [
  'promote',
  'freeze',
  'cut off an app',
  'promote',
  'crash the primary',
  'kill',
  'isolate',
  'two at once',
  'promote a laggard',
]

let world: World
beforeAll(async () => {
  world = await chaosWorld()
})
afterAll(() => world.stop())

test('under failovers and worse nothing is lost, done twice, or stale, and no read fails', async () => {
  const report = await runChaos(world, {
    seed: SEED,
    steps: FAULTS.map((name) => ({ name, lastsMs: 3_500, restMs: 1_500 })),
  })
  console.log(chaosText(report))
  expect(report.violations.map(findingText)).toEqual([])
  expect(report.hungEnds, 'pools that did not end').toBe(0)
  expect(report.promotions.length).toBe(3)
  expect(report.inflicted.map(({ name }) => name)).toEqual(FAULTS)
  expect(report.fates.acknowledged, 'rows').toBeGreaterThan(500)
  expect(report.fates.notKept, 'rows that the laggard did not have').toBeGreaterThan(0)
  expect(report.guarantees.bound['read-your-writes'], 'reads after a write').toBeGreaterThan(100)
  expect(report.guarantees.bound['monotonic-reads'], 'reads after a read').toBeGreaterThan(500)
}, 240_000)
