import fc from 'fast-check'
import { startWorld } from 'pg-nearest-world'
import { expect } from 'vitest'
import { createPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'

/** Reads by so many mangled bookmarks while the replica shows nothing new: none is answered by it, or waits. */
export async function readByMangled(count: number): Promise<void> {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await ask(world.url('nrt'), 'create table register (n int not null); insert into register values (0)')
  await caughtUp(world)
  await using pool = createPool(world.poolOptions('ord'))
  await pool.refresh()
  await world.pauseReplay('ord')
  const writer = pool.session()
  await writer.query('update register set n = 1')
  const good = writer.bookmark() ?? ''
  expect(good).not.toBe('')
  const read = async (bookmark: string): Promise<number> => {
    const start = performance.now()
    const { rows } = await pool.session(bookmark).query<{ n: number }>('select n from register')
    expect(rows).toEqual([{ n: 1 }])
    return performance.now() - start
  }
  const all = fc.sample(mangled(good), count)
  let [longest, longestOfGood] = [0, 0]
  for (let i = 0; i < all.length; i += 10) {
    // oxlint-disable-next-line no-await-in-loop -- ten at once
    const [ofGood, ...took] = await Promise.all([good, ...all.slice(i, i + 10)].map(read))
    longest = Math.max(longest, ...took)
    longestOfGood = Math.max(longestOfGood, ofGood ?? 0)
  }
  // A trip of 2 ms; what this machine takes for others, too, is its own business.
  expect(longest).toBeLessThan(1_000 + longestOfGood)
}

/** One character more, less, or another; pieces of it; and what has nothing to do with it. */
function mangled(good: string): fc.Arbitrary<string> {
  const at = fc.nat(good.length - 1)
  return fc
    .oneof(
      fc.tuple(at, fc.string({ minLength: 1, maxLength: 1 })).map(([i, c]) => good.slice(0, i) + c + good.slice(i + 1)),
      fc.tuple(at, fc.string({ maxLength: 3 })).map(([i, c]) => good.slice(0, i) + c + good.slice(i)),
      at.map((i) => good.slice(0, i)),
      fc.string({ maxLength: 64 }),
      fc.string({ unit: 'binary', maxLength: 64 }),
      fc.uint8Array({ minLength: 24, maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
      fc.constantFrom('undefined', 'null', 'unknown', '0', good.toUpperCase(), `${good} `, `${good}=`, good + good),
    )
    .filter((text) => text !== good)
}
