import { drizzle } from 'drizzle-orm/node-postgres'
import { PostgresDialect } from 'kysely'
import { Socket } from 'node:net'
import type pg from 'pg'
import {
  createPool,
  type NearestPool,
  type NearestPoolOptions,
  type QueryEvent,
  type RoutedPool,
  type ServedBy,
  type Session,
  type Status,
} from '../../src/index.ts'
import { currentRegion, fly } from '../../src/fly/index.ts'
import type { RoutedClient } from '../../src/route/query-types.ts'

/** Compiled, never run: what the types promise to those who use them. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_really: Same<A, B>): void {}

export async function libraries(pool: NearestPool): Promise<void> {
  const asPool: pg.Pool = pool
  const handles: pg.Pool[] = [asPool, pool.primary, pool.replica(), pool.replica('ord'), ...pool.replicas().values()]
  handles.push(pool.replica({ label: 'reporting' }))
  for (const client of handles) drizzle({ client })
  new PostgresDialect({ pool })
  new PostgresDialect({ pool: pool.replica() })
}

/** The forms with a callback are tried last, as pg's are: these values would do for both. */
export function valuesOfAnyForm(client: RoutedClient, values: never): Promise<pg.QueryResult> {
  return client.query('select $1::int', values)
}

export async function queries(pool: NearestPool): Promise<void> {
  interface User {
    id: number
    name: string
  }
  const { rows, servedBy } = await pool.query<User>('select id, name from users where id = $1', [1])
  same<typeof rows, User[]>(true)
  same<typeof servedBy, ServedBy>(true)
  const array = await pool.query<[number, string]>({ text: 'select id, name from users', rowMode: 'array' })
  same<typeof array.rows, [number, string][]>(true)
  const nothing: void = pool.query('select 1', (error, result) => {
    same<typeof error, Error>(true)
    same<typeof result.rowCount, number | null>(true)
  })
  await pool.query({ text: 'select 1', route: 'primary', signal: AbortSignal.timeout(1_000) })
  await pool.replica().query<User>({ name: 'user', text: 'select id, name from users where id = $1', values: [1] })
  // @ts-expect-error -- a replica is asked for by its handle
  void pool.query({ text: 'select 1', route: 'replica' })
  // @ts-expect-error -- a text is needed
  void pool.query({ values: [1] })
  return nothing
}

export async function transactions(pool: NearestPool): Promise<void> {
  const count = await pool.transaction(async (tx) => (await tx.query<{ n: number }>('select 1 as n')).rows[0]?.n)
  same<typeof count, number | undefined>(true)
  const text = await pool.replica().transaction({ readOnly: true, isolationLevel: 'repeatable read' }, () => 'done')
  same<typeof text, string>(true)
  // @ts-expect-error -- PostgreSQL has no such level
  await pool.transaction({ isolationLevel: 'chaos' }, () => undefined)
}

export async function sessions(pool: NearestPool, bookmark: string | undefined): Promise<void> {
  const handles: Session[] = [pool.session(), pool.session(bookmark), pool.session({ bookmark })]
  const count = await pool.session(async () => handles.length)
  same<typeof count, number>(true)
  const text = pool.session(() => 'done')
  same<typeof text, string>(true)
  const behind = pool.session(bookmark, () => 'done')
  same<typeof behind, string>(true)
  // @ts-expect-error -- the function is the last
  pool.session(() => 'done', bookmark)
}

export function surface(pool: NearestPool): void {
  same<ReturnType<NearestPool['regions']>, string[]>(true)
  same<ReturnType<NearestPool['replicas']>, ReadonlyMap<string, RoutedPool>>(true)
  same<ReturnType<NearestPool['status']>, Status>(true)
  same<ReturnType<NearestPool['refresh']>, Promise<Status>>(true)
  pool.on('query', (event) => same<typeof event, QueryEvent>(true))
  pool.on('problem', ({ message }) => same<typeof message, string>(true))
  pool.on('error', (error) => same<typeof error, Error>(true))
  pool.once('query', (event) => same<typeof event, QueryEvent>(true))
  pool.addListener('problem', ({ message }) => same<typeof message, string>(true))
  pool.once('connect', (client) => same<typeof client, pg.PoolClient>(true))
  pool.off('release', (error) => same<typeof error, Error>(true))
  // @ts-expect-error -- no such event
  pool.once('quarrel', () => undefined)
  // @ts-expect-error -- there is no such event
  pool.on('quarrel', () => undefined)
}

export function options(env: NodeJS.ProcessEnv): void {
  createPool({ primary: 'postgres://localhost/app' })
  createPool({
    region: undefined,
    primary: { region: 'nrt', url: 'postgres://h/app' },
    replicas: { ord: ['a', 'b'] },
    max: 5,
  })
  createPool({
    primary: { host: 'h', user: 'app', password: async () => 'p', ssl: { ca: 'x' }, stream: () => new Socket() },
    replicas: { ord: ['db2', { host: 'o', port: env['PORT'], max: 3, weight: 0, labels: ['reporting'] }] },
    servers: () => ({ primary: { url: 'postgres://h/app', password: undefined } }),
  })
  // @ts-expect-error -- an option of the whole pool
  createPool({ primary: { host: 'h', idleTimeoutMillis: 5 } })
  // @ts-expect-error -- a number
  createPool({ primary: { host: 'h', weight: '1' } })
  same<ReturnType<typeof fly>, NearestPoolOptions>(true)
  same<ReturnType<typeof currentRegion>, string | undefined>(true)
  createPool(fly({ env, regions: ['ord'], max: 5 }))
  // @ts-expect-error -- the primary is named by its own option
  createPool({ connectionString: 'postgres://h/app' })
  // @ts-expect-error -- one primary
  createPool({ primary: ['postgres://a', 'postgres://b'] })
  // @ts-expect-error -- the environment says where the servers are
  fly({ primary: 'postgres://h/app' })
}

export async function clients(pool: NearestPool): Promise<void> {
  const client = await pool.connect()
  const asClient: pg.PoolClient = client
  const { rows, servedBy } = await client.query<{ n: number }>('select $1::int as n', [1])
  same<typeof rows, { n: number }[]>(true)
  same<typeof servedBy, ServedBy>(true)
  client.on('notice', ({ message }) => same<typeof message, string | undefined>(true))
  asClient.release()
}
