import pg from 'pg'
import { startWorld } from 'pg-nearest-world'
import { createPool, type NearestPool } from '../../../src/index.ts'
import { administer, ask, until, WRITE_OUT } from '../fixtures.ts'
import { LOG_SETTINGS, openServerLog } from './server-log.ts'
import { reset, schema } from './torture-case.ts'

const APPLICATION = 'torture'
export const PRIMARY = 'nrt'
export const REPLICA = 'ord'

/** Our pool in a region with a replica; and a bare pool on the primary alone, on a second database like the first. */
export interface TortureRig {
  readonly pool: NearestPool
  readonly reference: pg.Pool
  /** The servers' major. */
  readonly major: number
  /** Both databases are as they were in the beginning, on the replica too. */
  reset(): Promise<void>
  /** The replica has what the session has seen, and our pool knows it: that keeps no read from there. */
  catchUp(): Promise<void>
  /** The replica shows nothing newer until it is resumed. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** What the role of both pools is from now on. */
  become(kind: 'superuser' | 'nosuperuser'): Promise<void>
  /** Says that what runs now may change the data. */
  change(): void
  /** A table or sequence: what our pool made of it, and what the reference did. */
  contentsOf(table: string): Promise<[ours: unknown, reference: unknown]>
  /** By their own logs: the servers that our pool has given this text to since it was asked last, in order. */
  serversOf(text: string): Promise<string[]>
  stop(): Promise<void>
}

export async function startTorture(): Promise<TortureRig> {
  // Statistics that change by themselves would change a plan.
  const world = await startWorld({
    primary: PRIMARY,
    replicas: [REPLICA],
    rtt: 2,
    settings: { ...LOG_SETTINGS, autovacuum: 'off' },
  })
  const url = world.url(PRIMARY)
  const { username: role } = new URL(url)
  const referenceUrl = withDatabase(url, 'reference')
  // A superuser may create a database.
  await administer(world, PRIMARY, `create database reference owner ${role}`)
  await ask(url, schema)
  await ask(referenceUrl, schema)
  const replica = await openServerLog(world, REPLICA)
  const primary = await openServerLog(world, PRIMARY)
  const beside = new pg.Client({ connectionString: referenceUrl })
  await beside.connect()
  for (const client of [primary.client, beside]) await client.query("set lock_timeout = '5s'")
  const pool = createPool({
    ...world.poolOptions(REPLICA),
    application_name: APPLICATION,
    // A busy machine is not a silent server: that would move reads.
    probeTimeoutMs: 10_000,
    // Nor is it known by chance that the replica has what a case has just written.
    probeIntervalMs: 60_000,
  })
  const reference = new pg.Pool({ connectionString: referenceUrl })

  let changed = true
  /** The replica shows it: what a read of the pool must show does not keep it from there. */
  let shown: string | undefined

  const catchUp = async (): Promise<void> => {
    const bookmark = pool.bookmark()
    await primary.client.query(WRITE_OUT)
    const { rows } = await primary.client.query<{ lsn: string }>('select pg_current_wal_flush_lsn() as lsn')
    const there = `select pg_last_wal_replay_lsn() >= '${rows[0]?.lsn}' as there`
    await until(
      async () => (await replica.client.query<{ there: boolean }>(there)).rows[0]?.there ?? false,
      'the replica',
      15_000,
      1,
    )
    await pool.refresh()
    shown = bookmark
  }

  return {
    pool,
    reference,
    major: Number.parseInt(world.version, 10),
    async reset() {
      if (changed) {
        await Promise.all([primary.client.query(reset), beside.query(reset)])
      }
      if (changed || pool.bookmark() !== shown) await catchUp()
      changed = false
      await Promise.all([replica.textsOf(APPLICATION), primary.textsOf(APPLICATION)])
    },
    catchUp,
    async pause() {
      await administer(world, REPLICA, 'select pg_wal_replay_pause()')
    },
    async resume() {
      await administer(world, REPLICA, 'select pg_wal_replay_resume()')
    },
    async become(kind) {
      // A superuser may make others superusers.
      await administer(world, PRIMARY, `alter role ${role} ${kind}`)
    },
    change() {
      changed = true
    },
    async contentsOf(table) {
      return Promise.all([contentsOf(primary.client, table), contentsOf(beside, table)])
    },
    async serversOf(text) {
      const [near, far] = await Promise.all([replica.textsOf(APPLICATION), primary.textsOf(APPLICATION)])
      return [...only(near, text, REPLICA), ...only(far, text, PRIMARY)]
    },
    async stop() {
      await pool.destroy()
      await reference.end()
      await beside.end()
      await replica.close()
      await primary.close()
      await world.stop()
    },
  }
}

/** Its rows in a fixed order, or why it has none; without what a checkpoint changes in a sequence. */
async function contentsOf(client: pg.Client, table: string): Promise<unknown> {
  try {
    const { rows } = await client.query<Record<string, unknown>>(`select * from ${table}`)
    return rows.map((row) => JSON.stringify({ ...row, log_cnt: undefined })).toSorted()
  } catch (error) {
    return (error as pg.DatabaseError).code
  }
}

function only(texts: readonly string[], text: string, server: string): string[] {
  return texts.filter((each) => each === text).map(() => server)
}

function withDatabase(url: string, database: string): string {
  return new URL(`/${database}`, url).href
}
