import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createPool } from 'pg-nearest'
import { startWorld } from 'pg-nearest-world'
import { bounded } from './bounded.ts'
import { describeRow } from './describe.ts'
import { RESET, SCHEMA, STATE } from './schema.ts'
import { watchStrays, type Strays } from './strays.ts'
import { clientSide, DEFAULTS, poolSide, type Side } from './side.ts'

const PRIMARY = 'nrt'
const REPLICAS = ['ord', 'syd'] as const
const OURS = 'differential-ours'
const THEIRS = 'differential-pg'
const DESTROYS_MS = 5_000
const CATCHES_UP_MS = 15_000

/** The contents of every table. */
export type State = Readonly<Record<string, unknown>>

/** One primary with two databases that are alike: one for our pool, with two replicas, and one for pg alone. */
export interface Rig {
  readonly ours: Side
  readonly theirs: Side
  readonly strays: Strays
  /** Puts both databases back, on the replicas as well. */
  reset(): Promise<void>
  states(): Promise<{ readonly ours: State; readonly theirs: State }>
  /**
   * Takes fresh clients on both sides, whatever the ones before are doing.
   *
   * @returns whether those before ended in time.
   */
  renew(): Promise<boolean>
  stop(): Promise<void>
}

/** `against`: what is tried; pg's own client shows that the run itself finds nothing. */
export async function startRig(against: 'pg-nearest' | 'pg'): Promise<Rig> {
  // A plan must not change because statistics did.
  const world = await startWorld({ primary: PRIMARY, replicas: [...REPLICAS], rtt: 1, settings: { autovacuum: 'off' } })
  const url = world.url(PRIMARY)
  const otherUrl = new URL('/reference', url).href
  // A superuser may create a database.
  const superuser = await directTo(world.url(PRIMARY, { as: 'superuser' }))
  await superuser.query(`create database reference owner ${new URL(url).username}`)
  await superuser.end()
  const admin = await directTo(url)
  const other = await directTo(otherUrl)
  await Promise.all([admin.query(SCHEMA), other.query(SCHEMA)])
  const replicas = await Promise.all(REPLICAS.map((region) => directTo(world.url(region))))

  const caughtUp = async (): Promise<void> => {
    await admin.query("select pg_logical_emit_message(true, 'test', 'write out')")
    const { rows } = await admin.query<{ lsn: string }>('select pg_current_wal_flush_lsn() as lsn')
    const there = `select pg_last_wal_replay_lsn() >= '${rows[0]?.lsn}' as there`
    const end = performance.now() + CATCHES_UP_MS
    for (const replica of replicas) {
      while ((await replica.query<{ there: boolean }>(there)).rows[0]?.there !== true) {
        if (performance.now() > end) throw new Error(`A replica did not catch up within ${CATCHES_UP_MS} ms.`)
        await sleep(1)
      }
    }
  }

  const oursAnew = (): Side =>
    against === 'pg'
      ? clientSide(url, OURS)
      : poolSide(createPool({ ...world.poolOptions(REPLICAS[0]), application_name: OURS, options: DEFAULTS }), caughtUp)
  let ours = oursAnew()
  let theirs = clientSide(otherUrl, THEIRS)

  const strays = watchStrays()
  return {
    strays,
    get ours() {
      return ours
    },
    get theirs() {
      return theirs
    },
    async reset() {
      await Promise.all([admin.query(RESET), other.query(RESET)])
      await ours.catchUp()
    },
    async states() {
      const [here, there] = await Promise.all([stateOf(admin), stateOf(other)])
      return { ours: here, theirs: there }
    },
    async renew() {
      const ended = await bounded(Promise.all([ours.end(), theirs.end()]), DESTROYS_MS)
      const left = `select pg_terminate_backend(pid) from pg_stat_activity where application_name in ('${OURS}', '${THEIRS}')`
      for (const server of [admin, ...replicas]) await server.query(left)
      ours = oursAnew()
      theirs = clientSide(otherUrl, THEIRS)
      return ended !== undefined
    },
    async stop() {
      await bounded(Promise.all([ours.end(), theirs.end()]), DESTROYS_MS)
      await Promise.all([admin, other, ...replicas].map((client) => client.end()))
      await world.stop()
      strays.stop()
    },
  }
}

async function directTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, lock_timeout: 5_000 })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function stateOf(client: pg.Client): Promise<State> {
  const state: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(STATE)) {
    const { rows } = await client.query<Record<string, unknown>>(text)
    state[name] = rows.map(describeRow)
  }
  return state
}
