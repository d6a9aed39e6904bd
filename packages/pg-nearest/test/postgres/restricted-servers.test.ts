import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, ServedBy } from '../../src/index.ts'
import { failing } from './aurora-stand-in.ts'
import { administer, ask, caughtUp } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** What an app's role may not do on servers that people rent, and what can be proven there all the same. */
interface Restriction {
  readonly name: string
  /** Run by the superuser, because an ordinary role may not take rights away. */
  readonly sql: string
  readonly positions: { readonly primary: 'full' | 'none'; readonly replica: 'full' | 'none' }
  /** What the status must name. */
  readonly refused: readonly string[]
  /** A standby can run a read at all. */
  readonly reads: boolean
}

const POSITIONS = [
  'pg_last_wal_replay_lsn()',
  'pg_last_wal_receive_lsn()',
  'pg_current_wal_lsn()',
  'pg_current_wal_insert_lsn()',
  'pg_walfile_name(pg_lsn)',
]
const CONTROL = ['pg_control_system()', 'pg_control_checkpoint()', 'pg_control_recovery()', 'pg_control_init()']
const revoke = (...calls: readonly string[]): string => `revoke execute on function ${calls.join(', ')} from public`

const NONE = { primary: 'none', replica: 'none' } as const
const FULL = { primary: 'full', replica: 'full' } as const
const RESTRICTIONS: readonly Restriction[] = [
  {
    name: 'no cluster',
    sql: revoke('pg_control_system()'),
    positions: NONE,
    refused: ['pg_control_system()'],
    reads: true,
  },
  {
    name: 'no checkpoint',
    sql: revoke('pg_control_checkpoint()'),
    positions: FULL,
    refused: ['pg_control_checkpoint()'],
    reads: true,
  },
  {
    name: 'no recovery',
    sql: revoke('pg_control_recovery()'),
    positions: FULL,
    refused: ['pg_control_recovery()'],
    reads: true,
  },
  {
    name: "no primary's timeline",
    sql: revoke('pg_walfile_name(pg_lsn)'),
    positions: { primary: 'none', replica: 'full' },
    refused: ['pg_walfile_name(pg_lsn)'],
    reads: true,
  },
  { name: 'no control file', sql: revoke(...CONTROL), positions: NONE, refused: CONTROL.slice(0, 3), reads: true },
  {
    name: 'no positions',
    sql: revoke(...POSITIONS, 'pg_stat_get_wal_receiver()'),
    positions: NONE,
    refused: [
      'pg_last_wal_replay_lsn()',
      'pg_last_wal_receive_lsn()',
      'pg_current_wal_insert_lsn()',
      'pg_walfile_name(pg_lsn)',
      'pg_stat_get_wal_receiver()',
    ],
    reads: true,
  },
  {
    // Aurora's are there, may be called, and fail. The superuser's do not, because the world itself uses them.
    name: 'functions that fail, as on Aurora',
    sql: ['pg_last_wal_replay_lsn', 'pg_current_wal_insert_lsn', 'pg_current_wal_lsn'].map(failing).join(';'),
    positions: NONE,
    refused: ['pg_last_wal_replay_lsn()', 'pg_current_wal_insert_lsn()', 'pg_walfile_name(pg_lsn)'],
    reads: true,
  },
  {
    name: 'serializable by default',
    sql: "alter role app set default_transaction_isolation = 'serializable'",
    positions: FULL,
    refused: [],
    reads: false,
  },
]

describe.each(RESTRICTIONS)('$name', ({ sql, positions, refused, reads }) => {
  let world: World
  const pools = new TestPools()
  let writes = 0

  beforeAll(async () => {
    world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 10 })
    await ask(world.url('nrt'), 'create table notes (n int)')
    await administer(world, 'nrt', sql)
    await caughtUp(world)
  })
  afterAll(() => world.stop())
  afterEach(() => pools.destroyAll())

  const poolIn = (region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> =>
    pools.start({ ...world.poolOptions(region), ...options })
  const insert = (): string => `insert into notes values (${++writes})`
  const seen = async (
    on: Pick<NearestPool, 'query'>,
  ): Promise<{ readonly last: number; readonly servedBy: ServedBy }> => {
    const { rows, servedBy } = await on.query<{ last: number }>('select max(n) as last from notes')
    return { last: rows[0]?.last ?? 0, servedBy }
  }

  test('the status says what is missing, and what would mend it', async () => {
    const { servers, problems } = (await poolIn('ord')).status()
    const [primary, replica] = servers
    expect({ primary: primary?.positions, replica: replica?.positions }).toEqual(positions)
    expect(servers.every(({ health }) => health === 'up')).toBe(true)
    const calls = servers.flatMap((server) => server.refused.map(({ call }) => call))
    expect([...new Set(calls)].toSorted()).toEqual([...refused].toSorted())
    const said = problems.join('\n')
    if (positions.primary === 'full') return expect(problems).toEqual([])
    for (const call of refused) expect(said).toContain(call)
    expect(said.includes('GRANT EXECUTE ON FUNCTION')).toBe(sql.startsWith('revoke'))
  })

  test('statements by themselves: a write is seen by the next read', async () => {
    const pool = await poolIn('ord')
    for (let i = 0; i < 20; i++) {
      await pool.query(insert())
      expect((await seen(pool)).last).toBe(writes)
    }
  })

  test('transactions', async () => {
    const pool = await poolIn('ord')
    for (let i = 0; i < 10; i++) {
      const inside = await pool.transaction(async (tx) => {
        await tx.query(insert())
        await tx.query('savepoint a')
        return (await tx.query<{ last: number }>('select max(n) as last from notes')).rows[0]?.last
      })
      expect(inside).toBe(writes)
      expect((await seen(pool)).last).toBe(writes)
    }
  })

  test('borrowed clients', async () => {
    const pool = await poolIn('ord')
    const client = await pool.connect()
    for (let i = 0; i < 10; i++) {
      await client.query('begin')
      await client.query(insert())
      expect((await client.query<{ last: number }>('select max(n) as last from notes')).rows[0]?.last).toBe(writes)
      await client.query('commit')
      expect((await client.query<{ last: number }>('select max(n) as last from notes')).rows[0]?.last).toBe(writes)
    }
    client.release()
  })

  test('sessions, and the bookmark in another process', async () => {
    const pool = await poolIn('ord')
    const other = await poolIn('ams')
    for (let i = 0; i < 10; i++) {
      const session = pool.session()
      await session.query(insert())
      expect((await seen(session)).last).toBe(writes)
      expect((await seen(other.session(session.bookmark()))).last).toBe(writes)
    }
  })

  test('read-only transactions', async () => {
    const pool = await poolIn('ord')
    for (let i = 0; i < 10; i++) {
      const session = pool.session()
      await session.query(insert())
      const inside = await session.transaction({ readOnly: true }, async (tx) => {
        await tx.query('select 1')
        return (await tx.query<{ last: number }>('select max(n) as last from notes')).rows[0]?.last
      })
      expect(inside).toBe(writes)
    }
  })

  test('reads stay local: all of them without a write, and whatever a replica can prove', async () => {
    const pool = await poolIn('ord')
    const session = pool.session()
    const byReplicas = async (): Promise<number> => {
      let local = 0
      for (let i = 0; i < 20; i++) if ((await seen(session)).servedBy.role === 'replica') local++
      return local
    }
    if (!reads) return void expect(await byReplicas()).toBe(0)
    expect(await byReplicas()).toBe(20)
    await session.query(insert())
    await caughtUp(world, pool)
    const proven = positions.primary === 'full' && positions.replica === 'full'
    if (proven) expect(await byReplicas()).toBeGreaterThanOrEqual(16)
    else expect(await byReplicas()).toBe(0)
  })

  test.runIf(positions.primary === 'none')(
    'with a bound in time, a session reads locally again, and so does the next process',
    async () => {
      const pool = await poolIn('ord', { assumeReplicatedAfterMs: 200 })
      const other = await poolIn('ams', { assumeReplicatedAfterMs: 200 })
      const session = pool.session()
      await session.query(insert())
      expect((await seen(session)).servedBy.role).toBe('primary')
      const bookmark = session.bookmark()
      const next = (): ReturnType<typeof seen> => seen(other.session(bookmark))
      expect((await next()).servedBy.role).toBe('primary')
      await sleep(300)
      expect(await seen(session)).toMatchObject({ last: writes, servedBy: { role: 'replica' } })
      // Two primaries' clocks may differ by a second.
      await sleep(1_100)
      expect(await next()).toMatchObject({ last: writes, servedBy: { role: 'replica' } })
    },
  )

  test('a promotion is followed, and the session sees what it wrote', async () => {
    const pool = await poolIn('ord')
    const session = pool.session()
    await session.query(insert())
    await caughtUp(world)
    await world.promote('ams')
    expect((await session.query(insert())).servedBy.server).toBe('ams')
    expect((await seen(session)).last).toBe(writes)
    expect(await pool.transaction((tx) => seen(tx))).toMatchObject({ last: writes })
  })
})
