import pg from 'pg'
import { bunSql } from './bun-sql.ts'
import { instantPool } from './instant-pool.ts'
import { inSession, nearestPool } from './nearest-readers.ts'
import { pgNative, pgPipelined, pgPool, pgPoolNamed } from './pg-readers.ts'
import { postgresJs } from './postgres-js.ts'
import { throughClients, throughDrizzle, throughKysely } from './query-builders.ts'
import type { Reader } from './reader.ts'
import type { WorldElsewhere } from '../world-elsewhere.ts'

const TUNED = { max: 2, max_pipeline: 1_000 }

/** `pg.Pool` first: the others are compared with it. */
export interface Readers {
  readonly all: readonly Reader[]
  readonly builders: readonly Reader[]
  /** What is not here, and why. */
  readonly missing: readonly string[]
  end(): Promise<void>
}

/** All that read beside `ord`: from its replica, or as ours do, with the primary across the ocean. */
export async function openNearReaders(world: WorldElsewhere): Promise<Readers> {
  const url = world.url('ord')
  const { options } = world
  const plain = nearestPool('ours, lanes: false', { ...options, lanes: false })
  const ours = nearestPool('ours', options)
  const eventual = nearestPool('ours, eventual', { ...options, consistency: 'eventual' })
  const session = inSession('ours, in a session', ours.pool)
  const rivals = await openRivals(url)
  const bare = new pg.Pool({ connectionString: url })
  const builders = [
    ...throughBoth('pg.Pool', bare),
    ...throughBoth('ours, lanes: false', plain.pool),
    ...throughBoth('ours', ours.pool),
    ...throughBoth('no database', instantPool()),
  ]
  return readersOf([...rivals.opened, plain, ours, session, eventual], builders, rivals.missing, () => bare.end())
}

/** All that read and write in one place. Ours have a replica, too. */
export async function openReadersAndWriters(world: WorldElsewhere): Promise<Readers> {
  const [primary, replica] = [world.url('nrt'), world.url('ord')]
  const options = { region: 'nrt', primary: { url: primary, region: 'nrt' }, replicas: { nrt: replica } }
  const rivals = await openRivals(primary)
  const one = nearestPool('ours, one database', { primary })
  const ours = [nearestPool('ours, lanes: false', { ...options, lanes: false }), nearestPool('ours', options), one]
  const bare = new pg.Pool({ connectionString: primary })
  // One database lends a connection with each client.
  const builders = [...throughAll('pg.Pool', bare), ...throughAll('ours, one database', one.pool)]
  return readersOf([...rivals.opened, ...ours], builders, rivals.missing, () => bare.end())
}

function throughAll(over: string, pool: pg.Pool): readonly Reader[] {
  return [throughClients(over, pool), ...throughBoth(over, pool)]
}

function throughBoth(over: string, pool: pg.Pool): readonly Reader[] {
  return [throughKysely(over, pool), throughDrizzle(over, pool)]
}

async function openRivals(
  url: string,
): Promise<{ readonly opened: readonly Reader[]; readonly missing: readonly string[] }> {
  const optional = { 'pg-native': pgNative(url), 'Bun.SQL': bunSql(url) }
  const there = Object.values(optional).filter((reader) => reader !== undefined)
  const missing = Object.entries(optional).flatMap(([name, reader]) => (reader === undefined ? [name] : []))
  const own = [pgPool(url), pgPoolNamed(url), await pgPipelined(url), postgresJs(url), postgresJs(url, TUNED)]
  return { opened: [...own, ...there], missing }
}

function readersOf(
  all: readonly Reader[],
  builders: readonly Reader[],
  missing: readonly string[],
  endMore: () => Promise<void> = () => Promise.resolve(),
): Readers {
  return {
    all,
    builders,
    missing,
    end: async () => void (await Promise.all([...all.map((reader) => reader.end()), endMore()])),
  }
}
