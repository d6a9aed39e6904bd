import { expect, test } from 'vitest'
import { differentialText, findingText } from '../differential/report.ts'
import { runDifferential } from '../differential/run.ts'

/** 20,000 statements of it, or another seed: `npm run differential -- --seed 7`. */
const SEED = 20_261_126

test('a borrowed client shows its user what pg alone would show, whatever he does with it', async () => {
  const report = await runDifferential({ seed: SEED, operations: 600, limit: 3, shrinkRuns: 15 })
  console.log(differentialText(report))
  expect(report.findings.map(findingText)).toEqual([])
  expect(report.different).toBe(0)
  expect(report.operations).toBeGreaterThanOrEqual(600)
  expect(report.roles['replica'], 'results that a replica gave').toBeGreaterThan(20)
  const streams = ['cursor', 'stream', 'copy-from', 'copy-to'].map((kind) => report.kinds[kind] ?? 0)
  expect(Math.min(...streams), 'of each kind of stream').toBeGreaterThan(10)
}, 180_000)
