import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, RoutedClient } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { startNameSwitch, type NameSwitch } from './name-switch.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A writer's name moves to a replica that was promoted, while the old primary lives, and still acknowledges what runs there. */

let world: World
let name: NameSwitch
const pools = new TestPools()
const clients: RoutedClient[] = []
beforeEach(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 4 })
  await ask(world.url('nrt'), 'create table notes (text text not null)')
  await caughtUp(world)
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.release()
  await pools.destroyAll()
  await name?.[Symbol.asyncDispose]()
  await world?.stop()
})

async function startBehind(
  regions: readonly string[],
  options: Partial<NearestPoolOptions> = {},
): Promise<NearestPool> {
  const [first = '', ...others] = regions.map((region) => world.url(region))
  name = await startNameSwitch(first, ...others)
  return pools.start({
    region: 'ams',
    primary: { region: 'primary', url: name.url },
    replicas: { ams: world.url('ams') },
    probeIntervalMs: 200,
    ...options,
  })
}

/** One with an open transaction that has written. */
async function begun(pool: NearestPool, text: string, isIntroduced = false): Promise<RoutedClient> {
  const client = await pool.connect()
  clients.push(client)
  // Outside of a transaction a write asks which machine it is on.
  if (isIntroduced) await client.query(`insert into notes values ('${text}, ahead')`)
  await client.query('begin')
  await client.query(`insert into notes values ('${text}')`)
  return client
}

const port = (region: string): number => Number(new URL(world.url(region)).port)

const promote = (): Promise<unknown> => administer(world, 'ord', 'select pg_promote(true, 30)')

const heard = (pool: NearestPool): Promise<void> =>
  until(() => pool.status().servers[0]?.timeline === 2, 'the later timeline to be heard')

const notesOn = async (region: string): Promise<string[]> =>
  (await ask<{ text: string }>(world.url(region), 'select text from notes order by text')).map(({ text }) => text)

test.each([true, false])(
  'what is open on the old primary is not acknowledged any more (its machine is known: %s)',
  async (isKnown) => {
    const pool = await startBehind(['nrt'])
    const client = await begun(pool, 'lost', isKnown)
    await promote()
    name.leadTo(world.url('ord'))
    await heard(pool)
    const error = await rejectionOf(client.query('commit'), 'the COMMIT')
    expect(error).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    expect(await notesOn('nrt')).not.toContain('lost')
  },
)

test('nor where no machine may be asked who it is', async () => {
  await administer(world, 'nrt', 'revoke execute on function pg_postmaster_start_time() from public')
  await caughtUp(world)
  const pool = await startBehind(['nrt'])
  const client = await begun(pool, 'lost', true)
  await promote()
  name.leadTo(world.url('ord'))
  await heard(pool)
  expect(await rejectionOf(client.query('commit'), 'the COMMIT')).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
})

test('a COMMIT that the old primary has not answered yet has an unknown outcome', async () => {
  const pool = await startBehind(['nrt'])
  await ask(
    world.url('nrt'),
    `create function waits() returns trigger language plpgsql as 'begin perform pg_sleep(20); return null; end';
     create constraint trigger waits after insert on notes deferrable initially deferred
       for each row when (new.text = 'slow') execute function waits()`,
  )
  await caughtUp(world)
  const client = await begun(pool, 'slow')
  await promote()
  const commit = rejectionOf(client.query('commit'), 'the COMMIT', 15_000)
  name.leadTo(world.url('ord'))
  expect(await commit).toMatchObject({ code: '08007' })
})

test('what runs on the new primary goes on', async () => {
  const pool = await startBehind(['nrt'])
  const old = await begun(pool, 'lost', true)
  await promote()
  name.leadTo(world.url('ord'))
  const known = await begun(pool, 'kept', true)
  const dialledLater = await begun(pool, 'kept, too')
  await heard(pool)
  expect(await rejectionOf(old.query('commit'), 'the COMMIT')).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
  await settled(Promise.all([known.query('commit'), dialledLater.query('commit')]), 'the COMMITs')
  expect(await notesOn('ord')).toEqual(expect.arrayContaining(['kept', 'kept, too']))
})

test('behind a balancer only what is known to run on the old primary is cut', async () => {
  const pool = await startBehind(['nrt', 'ord'], { max: 20 })
  const serving = async (client: RoutedClient): Promise<number | undefined> =>
    (await client.query<{ port: number }>('select inet_server_port() as port')).rows[0]?.port
  const areSeen = async (): Promise<boolean> => {
    await pool.query("insert into notes values ('looking')")
    return pool.status().servers[0]?.members.length === 2
  }
  await until(areSeen, 'both machines to be seen')
  const old = await begun(pool, 'lost', true)
  expect(await serving(old)).toBe(port('nrt'))
  await promote()
  let kept: RoutedClient | undefined
  // What has begun on the old one meanwhile is of no interest.
  await until(async () => {
    const next = await begun(pool, 'kept', true).catch(() => undefined)
    if (next !== undefined && (await serving(next)) === port('ord')) kept = next
    return kept !== undefined
  }, 'a transaction on the new primary')
  name.leadTo(world.url('ord'))
  await heard(pool)
  expect(await rejectionOf(old.query('commit'), 'the COMMIT')).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
  await settled(kept?.query('commit') ?? Promise.reject(new Error('none')), 'the COMMIT')
  expect(await notesOn('ord')).toContain('kept')
})
