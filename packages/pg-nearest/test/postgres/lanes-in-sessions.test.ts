import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, Served } from '../../src/index.ts'
import { administer, ask, caughtUp } from './fixtures.ts'
import { inSomeTry } from './in-some-try.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(world.url('nrt'), 'create table notes (n int primary key, note text); insert into notes values (1, null)')
  await caughtUp(world)
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

const NOTE = 'select note from notes where n = 1'
const AT_ONCE = 20
const ROUNDS = 10

/** One that has seen that the text is quick. */
async function startPool(): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions('ord'), lanes: true, min: 0, max: AT_ONCE })
  for (let i = 0; i < 4; i++) await pool.query(NOTE)
  return pool
}

type Note = Served<{ rows: { note: string }[] }>

/** Writes, and reads many times at once after `between`. */
async function writeAndRead(pool: NearestPool, note: string, between: () => Promise<unknown>): Promise<string[]> {
  await pool.query('update notes set note = $1 where n = 1', [note])
  await between()
  const results: Note[] = await Promise.all(Array.from({ length: AT_ONCE }, () => pool.query<{ note: string }>(NOTE)))
  expect(results.map(({ rows }) => rows[0]?.note)).toEqual(results.map(() => note))
  return results.map(({ servedBy }) => servedBy.server)
}

test('reads of which a replica must prove that they show what was written share a connection there', () =>
  inSomeTry(async () => {
    const pool = await startPool()
    const servers = new Set<string>()
    await pool.session(undefined, async () => {
      for (let i = 0; i < ROUNDS; i++) {
        for (const each of await writeAndRead(pool, String(i), () => caughtUp(world))) servers.add(each)
      }
    })
    return [...servers].join() === 'ord' && pool.totalCount <= 3
  }))

test('those that a replica cannot show go on to the primary, and share a connection there', () =>
  inSomeTry(async () => {
    const pool = await startPool()
    await administer(world, 'ord', 'select pg_wal_replay_pause()')
    try {
      await pool.session(undefined, async () => {
        for (let i = 0; i < ROUNDS; i++) {
          const servers = await writeAndRead(pool, `paused ${i}`, () => Promise.resolve())
          expect(new Set(servers)).toEqual(new Set(['nrt']))
        }
      })
    } finally {
      await administer(world, 'ord', 'select pg_wal_replay_resume()')
    }
    await caughtUp(world)
    return pool.totalCount <= 5
  }))
