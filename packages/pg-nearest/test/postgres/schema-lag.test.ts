import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, RoutedClient, ServedBy } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { inSomeTry } from './in-some-try.ts'
import { ENUM, KINDS, MISFITS, TABLE, type Kind } from './migrations.ts'
import { errorOf } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { LOG_SETTINGS, openServerLog, type ServerLog } from './torture/server-log.ts'

const BOUND_MS = 10_000
/** Connections to a server. */
const MOST = 3
const APPLICATION = 'schema lag'

let world: World
let pool: NearestPool
let logs: readonly ServerLog[] = []
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20, settings: LOG_SETTINGS })
  // A superuser may own what the app has no right to.
  await administer(
    world,
    'nrt',
    'create schema vault; create table vault.secrets (n int); grant usage on schema vault to app',
  )
  pool = await pools.start(options())
  logs = await Promise.all(['ord', 'nrt'].map((region) => openServerLog(world, region)))
  // Its server is killed in the end.
  for (const { client } of logs) client.on('error', () => undefined)
})
afterAll(async () => {
  await pools.destroyAll()
  await Promise.all(logs.map((log) => log.close()))
  await world.stop()
})

function options() {
  return { ...world.poolOptions('ord'), application_name: APPLICATION, max: MOST }
}

/** Everybody has the schema from before the migration, and the pool knows it. */
async function begin(): Promise<void> {
  await ask(
    world.url('nrt'),
    `drop schema if exists later cascade; drop schema public cascade; create schema public;
     create type status as enum ('new');
     create domain small as int check (value < 10);
     create table items (id int not null, code int, size int, flag int, note text, old_note text);
     create table labels (item int, old_note text);
     insert into items (id) values (1); insert into labels values (1)`,
  )
  await caughtUp(world, pool)
}

interface Query {
  readonly text: string
  readonly values: string[]
}

const queryOf = ({ text, values }: Kind): Query => ({ text, values: [...(values ?? [])] })

/** On the primary, while its replica replays nothing. */
async function migrate(...kinds: readonly Kind[]): Promise<void> {
  await world.pauseReplay('ord')
  for (const { migration, undo } of kinds) {
    // A superuser may create a role, and grant what is not the app's.
    if (undo !== undefined) await administer(world, 'nrt', migration)
    else await ask(world.url('nrt'), migration)
  }
}

const PRIMARY_SAYS: Partial<ServedBy> = { server: 'nrt', role: 'primary', reason: 'schema-lag', attempts: 2 }
/** What a session has seen on the primary it would not ask the replica for again. */
const anew = <T>(work: () => Promise<T>): Promise<T> => pool.session(undefined, work)

describe('a migration that the replica has not replayed', () => {
  beforeAll(async () => {
    await begin()
    await migrate(...KINDS)
  })
  afterAll(async () => {
    await world.resumeReplay('ord')
    // As above.
    for (const { undo } of KINDS) if (undo !== undefined) await administer(world, 'nrt', undo)
  })

  test.each(KINDS)('$name: every way of reading asks the primary', async (kind) => {
    const query = queryOf(kind)
    const region = anew(() => pool.replica('ord').query(query))
    expect(await errorOf(BOUND_MS, 'the replica', region)).toMatchObject({ code: kind.code })
    expect((await anew(() => pool.query(query))).servedBy).toMatchObject(PRIMARY_SAYS)
    const named = { ...query, name: `named ${kind.name}` }
    expect((await anew(() => pool.query(named))).servedBy).toMatchObject(PRIMARY_SAYS)
    expect((await pool.query({ ...query, consistency: 'eventual' })).servedBy).toMatchObject(PRIMARY_SAYS)
    expect((await anew(() => borrowed(query))).servedBy).toMatchObject(PRIMARY_SAYS)
    for (const isolationLevel of ['read committed', 'repeatable read'] as const) {
      const { servedBy } = await anew(() =>
        pool.transaction({ readOnly: true, isolationLevel }, (tx) => tx.query(query)),
      )
      expect(servedBy).toMatchObject({ server: 'nrt', reason: 'transaction' })
    }
  })
})

describe('what may as well be the caller’s own mistake', () => {
  beforeAll(async () => {
    await begin()
    await migrate(...MISFITS)
    await pool.refresh()
  })
  afterAll(() => world.resumeReplay('ord'))

  test.each(MISFITS)('$name: is asked of the primary when the replica is known to be behind', async (kind) => {
    const query = queryOf(kind)
    const region = anew(() => pool.replica('ord').query(query))
    expect(await errorOf(BOUND_MS, 'the replica', region)).toMatchObject({ code: kind.code })
    expect((await anew(() => pool.query(query))).servedBy).toMatchObject(PRIMARY_SAYS)
    const { servedBy } = await anew(() => pool.transaction({ readOnly: true }, (tx) => tx.query(query)))
    expect(servedBy).toMatchObject({ server: 'nrt' })
  })
})

describe('a borrowed client that the primary has answered in the replica’s place', () => {
  beforeEach(async () => {
    await begin()
    await migrate(TABLE)
  })
  afterEach(() => world.resumeReplay('ord'))

  const late = queryOf(TABLE)
  const eventually = async (client: RoutedClient, text: string): Promise<string> =>
    (await client.query({ text, consistency: 'eventual' })).servedBy.server

  test('goes on near, statement by statement', async () => {
    const client = await pool.connect()
    expect(await eventually(client, late.text)).toBe('nrt')
    expect(await eventually(client, 'select 1')).toBe('ord')
    client.release()
  })

  test('goes on near after the read-only transaction that went there', async () => {
    const client = await pool.connect()
    await client.query('begin read only')
    expect((await client.query(late)).servedBy).toMatchObject({ server: 'nrt' })
    expect((await client.query('select 1')).servedBy).toMatchObject({ server: 'nrt' })
    await client.query('commit')
    expect(await eventually(client, 'select 1')).toBe('ord')
    client.release()
  })

  test('goes on near after a write, too, where the read need not show that', async () => {
    const client = await pool.connect()
    expect(await eventually(client, late.text)).toBe('nrt')
    await client.query("insert into labels values (2, 'x')")
    expect(await eventually(client, 'select 1')).toBe('ord')
    await client.query('begin read only')
    await client.query(late)
    await client.query('commit')
    expect(await eventually(client, 'select 1')).toBe('ord')
    client.release()
  })
})

async function borrowed(query: Query) {
  const client = await pool.connect()
  try {
    return await client.query(query)
  } finally {
    client.release()
  }
}

describe('a prepared statement whose plan is of before a migration', () => {
  const named = { name: 'all items', text: 'select items.*, pg_sleep(0.05) from items' }
  /** Prepared only on the replica: in a transaction on the primary a plan that does not fit is the caller's, as with pg. */
  const here = { ...named, name: 'all items here' }

  beforeEach(async () => {
    await begin()
    // On every connection.
    const often = (run: () => Promise<unknown>) => Promise.all(Array.from({ length: MOST }, run))
    await often(() => pool.query(named))
    await often(() => pool.query(here))
    await often(() => pool.primary.query(named))
    await ask(world.url('nrt'), 'alter table items add price int')
    await caughtUp(world, pool)
  })

  test('is prepared anew, however many connections have it', async () => {
    for (let i = 0; i <= MOST; i++) expect((await pool.query(named)).fields.length).toBe(8)
    for (let i = 0; i <= MOST; i++) expect((await pool.primary.query(named)).fields.length).toBe(8)
  })

  test('on a borrowed client, and as the beginning of a read-only transaction', async () => {
    expect((await borrowed({ ...here, values: [] })).fields.length).toBe(8)
    const work = pool.transaction({ readOnly: true, isolationLevel: 'repeatable read' }, (tx) => tx.query(here))
    expect((await work).fields.length).toBe(8)
  })
})

/** The servers that were given this text, by their own logs. */
async function serversOf(text: string): Promise<string[]> {
  const texts = await Promise.all(logs.map((log) => log.textsOf(APPLICATION)))
  return texts.flatMap((each, i) => each.filter((one) => one === text).map(() => ['ord', 'nrt'][i] ?? ''))
}

describe('with a replica that is level', () => {
  beforeAll(begin)

  const visitor = { text: 'select * from items where id = $1', values: ['abc'] }

  test('a visitor’s nonsense is answered next door', async () => {
    const inTransaction = (): Promise<unknown> =>
      pool.transaction({ readOnly: true, isolationLevel: 'repeatable read' }, (tx) => tx.query(visitor))
    for (const way of [() => pool.query(visitor), inTransaction]) {
      // A busy machine may look at the replica so late that nobody knows whether it keeps up.
      await inSomeTry(async () => {
        await caughtUp(world, pool)
        await serversOf('')
        expect(await errorOf(BOUND_MS, 'it', way())).toMatchObject({ code: '22P02' })
        return (await serversOf(visitor.text)).join() === 'ord'
      })
    }
  })

  test('what names something that is nowhere is the primary’s error', async () => {
    await serversOf('')
    const text = 'select * from nowhere'
    expect(await errorOf(BOUND_MS, 'it', pool.query(text))).toMatchObject({ code: '42P01' })
    expect(await serversOf(text)).toEqual(['ord', 'nrt'])
  })
})

describe('in a read-only transaction', () => {
  beforeEach(begin)
  afterEach(() => world.resumeReplay('ord'))

  const late = 'select * from later'

  test('what has been answered from one snapshot cannot move: the replica’s error stands', async () => {
    await migrate(TABLE)
    const work = pool.transaction({ readOnly: true, isolationLevel: 'repeatable read' }, async (tx) => {
      await tx.query('select 1')
      await tx.query(late)
    })
    expect(await errorOf(BOUND_MS, 'it', work)).toMatchObject({ code: '42P01' })
  })

  test('where each statement has its own, it goes on on the primary, and ends well', async () => {
    await migrate(TABLE)
    const client = await pool.connect()
    await client.query('begin read only')
    expect((await client.query('select 1')).servedBy).toMatchObject({ server: 'ord' })
    expect((await client.query(late)).servedBy).toMatchObject({ server: 'nrt' })
    const refused = client.query("insert into labels values (1, 'x')")
    expect(await errorOf(BOUND_MS, 'a write', refused)).toMatchObject({ code: '25006' })
    expect((await client.query('commit')).command).toBe('ROLLBACK')
    client.release()
  })

  test('an error on both is the caller’s, and the transaction has failed', async () => {
    const client = await pool.connect()
    await client.query('begin isolation level repeatable read read only')
    expect(await errorOf(BOUND_MS, 'it', client.query(late))).toMatchObject({ code: '42P01' })
    expect(await errorOf(BOUND_MS, 'it', client.query('select 1'))).toMatchObject({ code: '25P02' })
    expect((await client.query('rollback')).command).toBe('ROLLBACK')
    expect((await client.query('select 1')).rowCount).toBe(1)
    client.release()
  })
})

describe('with the replay paused', () => {
  beforeEach(begin)
  afterEach(() => world.resumeReplay('ord'))

  test('a session that has migrated by itself reads where its migration is', async () => {
    await world.pauseReplay('ord')
    await pool.session(undefined, async () => {
      await pool.query(`alter type status add value 'done'`)
      const { servedBy } = await pool.query(`select 'done'::status`)
      expect(servedBy).toMatchObject({ server: 'nrt', reason: 'lagging' })
    })
  })

  test('a hedged read ends as any other', async () => {
    const hedging = await pools.start({ ...options(), hedge: { percentile: 0.1, budget: 1 } })
    for (let i = 0; i < 40; i++) await hedging.query('select 1')
    await migrate(ENUM)
    const reads = await Promise.all(Array.from({ length: 20 }, () => hedging.query(ENUM.text)))
    expect(new Set(reads.map(({ servedBy }) => servedBy.server))).toEqual(new Set(['nrt']))
  })

  test('a role that is new to the replica connects to the primary', async () => {
    await world.pauseReplay('ord')
    // A superuser may create a role.
    await administer(world, 'nrt', `create role visitor login password 'new'`)
    const as = (url: string): string => Object.assign(new URL(url), { username: 'visitor', password: 'new' }).href
    const asVisitor = pools.create({
      region: 'ord',
      primary: { region: 'nrt', url: as(world.url('nrt')) },
      replicas: { ord: as(world.url('ord')) },
    })
    asVisitor.on('error', () => undefined)
    expect((await asVisitor.query('select current_user as me')).rows).toEqual([{ me: 'visitor' }])
  })
})

describe('without a primary to ask', () => {
  beforeAll(begin)

  afterEach(async () => {
    await world.start('nrt')
    await pool.refresh()
  })

  test('the replica’s own error stands, and the replica goes on', async () => {
    const client = await pool.connect()
    await client.query('begin read only')
    await world.kill('nrt')
    // What its backends still take, and never answer, may have happened there.
    const isDown = (): boolean => pool.status().servers.some(({ name, health }) => name === 'nrt' && health === 'down')
    await until(isDown, 'the primary to be known as down')
    const text = 'select * from nowhere'
    expect(await errorOf(BOUND_MS, 'it', pool.query({ text, consistency: 'eventual' }))).toMatchObject({
      code: '42P01',
    })
    expect(await errorOf(BOUND_MS, 'it', client.query(text))).toMatchObject({ code: '42P01' })
    expect((await client.query('rollback')).command).toBe('ROLLBACK')
    client.release()
    expect((await pool.query({ text: 'select 1', consistency: 'eventual' })).rowCount).toBe(1)
  })
})
