import { expect, test } from 'vitest'
import { runModel } from '../model/run.ts'

/** Ten thousand of them: `npm run model`. Shows the seed and the shortest program that fails. */
test('whatever its users and its server do, a server’s connections keep what they promise', async () => {
  const seed = Date.now() % 2 ** 31
  const { programs, violations } = await runModel({ programs: 150, seed, lanes: 6 })
  expect(violations, `seed ${seed}`).toEqual([])
  expect(programs).toBeGreaterThanOrEqual(150)
}, 120_000)
