import fc from 'fast-check'
import { startWorld, type World } from 'pg-nearest-world'
import { expect } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'

/** A trip takes 2 ms. */
const LONG_MS = 1_000

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
  const all = fc.sample(mangled(good), count)
  const slow: string[] = []
  for (let i = 0; i < all.length; i += 10) {
    const ten = all.slice(i, i + 10)
    // oxlint-disable-next-line no-await-in-loop -- ten at once
    const took = await Promise.all(ten.map((bookmark) => msOf(pool, bookmark)))
    slow.push(...ten.filter((_, at) => (took[at] ?? 0) >= LONG_MS))
  }
  const waited: string[] = []
  // oxlint-disable-next-line no-await-in-loop -- one after the other, so that none is slow by another one
  for (const bookmark of slow) if ((await msAgain(world, bookmark)) >= LONG_MS) waited.push(bookmark)
  expect(waited).toEqual([])
}

/** By another pool, alone: what this machine was too busy for is quick, and what is waited for is waited for again. */
async function msAgain(world: World, bookmark: string): Promise<number> {
  await using pool = createPool(world.poolOptions('ord'))
  await pool.refresh()
  await pool.primary.query('select 1')
  return msOf(pool, bookmark)
}

async function msOf(pool: NearestPool, bookmark: string): Promise<number> {
  const start = performance.now()
  const { rows } = await pool.session(bookmark).query<{ n: number }>('select n from register')
  expect(rows).toEqual([{ n: 1 }])
  return performance.now() - start
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
