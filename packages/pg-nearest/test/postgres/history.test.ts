import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FAULTS } from 'pg-nearest-world/chaos'
import { startNemesis } from '../history/nemesis.ts'
import { reportOf, reportText, violationText } from '../history/report.ts'
import { startWorkload } from '../history/workload.ts'

/** Another one: `npm run soak -- --seed 7`. */
const SEED = 20_261_123

let world: World
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'syd', 'ams'],
    rtt: { 'nrt-ord': 30, 'nrt-syd': 40, 'nrt-ams': 60, 'ord-syd': 50, 'ord-ams': 20, 'syd-ams': 60 },
    settings: { idle_in_transaction_session_timeout: '1s' },
  })
})
afterAll(() => world.stop())

test('while replicas die, lag and are cut off, every session reads its writes and never goes back', async () => {
  const started = performance.now()
  const { history, messages, done } = await startWorkload(world, {
    seed: SEED,
    operations: 10_000,
    sessions: 64,
    // Fewer operations in the same time see less: what is wrong only with a busy server goes by.
    thinkMs: 50,
    pool: { probeIntervalMs: 100, probeTimeoutMs: 500, connectTimeoutMs: 500 },
  })
  const nemesis = startNemesis(world, { seed: SEED, lasts: [300, 1_200], rests: [100, 300] })
  try {
    await done
  } finally {
    await nemesis.stop()
  }
  const seconds = (performance.now() - started) / 1_000
  const report = reportOf({ seed: SEED, seconds, history, messages, inflicted: nemesis.inflicted })
  console.log(reportText(report))
  expect(report.violations.map(violationText)).toEqual([])
  expect(report.counts.operations).toBeGreaterThanOrEqual(10_000)
  expect(Object.keys(report.faults).toSorted(), 'every kind of fault').toEqual(
    FAULTS.map(({ name }) => name).toSorted(),
  )
  expect(report.counts.bound['read-your-writes'], 'reads after a write').toBeGreaterThan(1_000)
  expect(report.counts.bound['monotonic-reads'], 'reads after a read').toBeGreaterThan(1_000)
  for (const replica of ['ord', 'syd', 'ams']) expect(report.reads, 'a replica was used').toHaveProperty(replica)
  expect(report.succeeded, 'operations that succeeded').toBeGreaterThanOrEqual(0.95)
})

test('without the guard, and one replica behind, the checker sees both violations', async () => {
  await world.pauseReplay('ord')
  try {
    const { history, done } = await startWorkload(world, {
      seed: SEED,
      operations: 2_000,
      sessions: 64,
      pool: { consistency: 'eventual' },
    })
    await done
    const report = reportOf({ seed: SEED, seconds: 1, history, messages: new Map(), inflicted: [] })
    expect(report.counts.violated['read-your-writes']).toBeGreaterThan(0)
    expect(report.counts.violated['monotonic-reads']).toBeGreaterThan(0)
    const liars = new Set(report.violations.map(({ read }) => read.servedBy?.server))
    expect(liars, 'the one that is behind').toContain('ord')
  } finally {
    await world.resumeReplay('ord')
  }
})
