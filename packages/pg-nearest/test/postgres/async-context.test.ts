import { AsyncLocalStorage } from 'node:async_hooks'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { formatBookmark } from '../../src/session/bookmark-text.ts'
import { ask, caughtUp, withUsers } from './fixtures.ts'

let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
  await withUsers(world)
  pool = createPool({ ...world.poolOptions('ord'), max: 2 })
  await pool.refresh()
})
afterAll(async () => {
  await pool.destroy()
  await world.stop()
})

const requests = new AsyncLocalStorage<string>()

/** What each request's listener of `query` hears, by the request that it hears it in. */
async function heardIn(run: (request: string) => Promise<unknown>): Promise<Record<string, string[]>> {
  const heard: Record<string, string[]> = {}
  const listen = ({ text }: { readonly text: string }): void => {
    const request = requests.getStore() ?? 'none'
    ;(heard[request] ??= []).push(text)
  }
  pool.on('query', listen)
  const names = Array.from({ length: 8 }, (_, i) => `request ${i}`)
  await Promise.all(names.map((name) => requests.run(name, () => run(name))))
  pool.off('query', listen)
  return heard
}

const expected = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`request ${i}`, [`select 'request ${i}'`]]))

test('a listener of query runs in the request that ran the statement, whoever the connection was made for', async () => {
  expect(await heardIn((name) => pool.query(`select '${name}'`))).toEqual(expected)
  expect(await heardIn((name) => pool.query({ text: `select '${name}'`, timeoutMs: 5_000 }))).toEqual(expected)
  expect(
    await heardIn(async (name) => {
      const client = await pool.connect()
      await client.query(`select '${name}'`)
      client.release()
    }),
  ).toEqual(expected)
})

test('so does one that hears of a failure', async () => {
  const texts = (name: string): string => `select '${name}' from nowhere`
  const heard = await heardIn((name) => pool.query(texts(name)).catch(() => undefined))
  expect(heard).toEqual(
    Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`request ${i}`, [texts(`request ${i}`)]])),
  )
})

test('a read that is planned anew belongs to its own session, and not to the one that its connection was made in', async () => {
  await pool.query("insert into users (name) values ('Mine')")
  await caughtUp(world, pool)
  await world.pauseReplay('ord')
  try {
    await pool.session(undefined, async () => {
      await pool.query("update users set age = 1 where name = 'Mine'")
      // Both connections of the replica die under what runs on them.
      const reads = Array.from({ length: 4 }, () =>
        pool.query("select age, pg_sleep(0.3) from users where name = 'Mine'"),
      )
      await ask(
        world.url('nrt'),
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select age%' and pid <> pg_backend_pid()",
      )
      for (const { rows } of await Promise.all(reads)) expect(rows).toMatchObject([{ age: 1 }])
    })
  } finally {
    await world.resumeReplay('ord')
  }
})

test('session() with a function alone runs it in a session of its own', async () => {
  const written = await pool.session(async () => {
    await pool.query("update users set age = 2 where name = 'Ada'")
    return pool.bookmark()
  })
  const next = pool.session(() => pool.bookmark())
  expect(written).toMatch(/^[\w-]{32}$/)
  expect(next).toBeUndefined()
})

test('position-lost is told in the request of the session that it is told of', async () => {
  const heard: unknown[] = []
  const listen = (): void => void heard.push(requests.getStore())
  pool.on('position-lost', listen)
  const [row] = await ask<{ system: string; timeline: number }>(
    world.url('nrt'),
    'select system_identifier::text as system, timeline_id as timeline from pg_control_system(), pg_control_checkpoint()',
  )
  const bookmark = formatBookmark({
    systemIdentifier: row?.system ?? '',
    timeline: row?.timeline ?? 0,
    lsn: 0xff00_0000_0000n,
    certainLsn: 0xff00_0000_0000n,
  })
  for (const name of ['first', 'second']) {
    await requests.run(name, () => pool.session(bookmark, () => pool.query('select 1')))
  }
  pool.off('position-lost', listen)
  expect(heard).toEqual(['first', 'second'])
})
