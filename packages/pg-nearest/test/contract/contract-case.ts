import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type pg from 'pg'

/** Options of `pg.Pool` that name no server. */
export type PoolOptions = Omit<
  pg.PoolConfig,
  'connectionString' | 'host' | 'port' | 'user' | 'password' | 'database'
> & {
  readonly onConnect?: ((client: pg.PoolClient) => unknown) | undefined
  readonly verify?: ((client: pg.PoolClient, done: (error?: Error) => void) => void) | undefined
}

/** What a case has to work with. */
export interface Bench {
  /** The URL of the database that may be written. */
  readonly url: string
  /** A pool of the kind that is looked at. It is ended after the case. */
  pool(options?: PoolOptions, url?: string): pg.Pool
}

/** What a user of `pg.Pool` relies on. */
export interface ContractCase {
  readonly name: string
  /** What `pg.Pool` shows. */
  readonly expects: unknown
  run(bench: Bench): unknown
}

type CaseRow = readonly [name: string, expects: unknown, run: (bench: Bench) => unknown]

export function casesOf(area: string, rows: readonly CaseRow[]): readonly ContractCase[] {
  return rows.map(([name, expects, run]) => ({ name: `${area}: ${name}`, expects, run }))
}

/** Cases that differ only in what is asked of `pool.query`. */
export function queryCases(
  area: string,
  rows: readonly (readonly [query: string | pg.QueryConfig, expects: unknown, values?: unknown[]])[],
  show: (result: pg.QueryResult) => unknown,
): readonly ContractCase[] {
  return rows.map(([query, expects, values]) => ({
    name: `${area}: ${typeof query === 'string' ? query : query.text}${values === undefined ? '' : ` ${shown(values)}`}`,
    expects,
    run: async ({ pool }) => show(await pool().query(query, values)),
  }))
}

function shown(values: readonly unknown[]): string {
  return inspect(values, { breakLength: Infinity, maxStringLength: 40 })
}

/** Runs a case with a borrowed client, and releases it. */
export async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

type Work = PromiseLike<unknown> | (() => unknown)
type Failure = Error & { readonly code?: string }

/** The error with which something fails. */
export function errorOf(work: Work): Promise<Failure> {
  return laterAwaited(failureOf(work))
}

export function messageOf(work: Work): Promise<string> {
  return laterAwaited(failureOf(work).then(({ message }) => message))
}

export function codeOf(work: Work): Promise<string | undefined> {
  return laterAwaited(failureOf(work).then(({ code }) => code))
}

async function failureOf(work: Work): Promise<Failure> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    return error as Failure
  }
  throw new Error('It was expected to fail, and did not.')
}

/** A case may await it only after it has rejected. */
function laterAwaited<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

/** What is handed to a callback. */
export function calledBack(work: (callback: (...args: unknown[]) => void) => void): Promise<unknown[]> {
  return new Promise((resolve) => work((...args) => resolve(args)))
}

/** The names of these events of the pool, as they come. */
export function eventsOf(
  pool: pg.Pool,
  names: readonly string[] = ['connect', 'acquire', 'release', 'remove'],
): string[] {
  const heard: string[] = []
  for (const name of names) pool.on(name as 'connect', () => heard.push(name))
  return heard
}

export function countsOf({ totalCount, idleCount, waitingCount }: pg.Pool): readonly number[] {
  return [totalCount, idleCount, waitingCount]
}

/** Waits until this process sleeps in a statement: what is cancelled before is not. */
export async function untilAsleep(pool: pg.Pool, processID: number): Promise<void> {
  const asleep = "select 1 from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'"
  while ((await pool.query(asleep, [processID])).rowCount === 0) await sleep(5)
}

export async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 500; tries++) await sleep(10)
}

/** What pg's types leave out of a client. */
export interface Insides {
  readonly processID: number
  readonly secretKey: unknown
  readonly connection: { readonly stream: { readonly destroyed: boolean } }
}

export const insidesOf = (client: object): Insides => client as unknown as Insides

export const processOf = (client: object): number => insidesOf(client).processID
