import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { NearestPool } from 'pg-nearest'
import type { Client } from './perform.ts'

/** One of the two that a program is played on. */
export interface Side {
  borrow(): Promise<Client>
  /** Gives it back; a pool's at once, even if what was given before has not `ended`. */
  release(client: Client, close: boolean, ended: Promise<unknown>): Promise<void>
  /** Waits until the server is done with what a client was given: a stream that is closed early ends before that. */
  done(client: Client): Promise<void>
  /** Waits until nothing is under way any more on what was given back. */
  rest(): Promise<void>
  /** Waits until everything may be read everywhere. */
  catchUp(): Promise<void>
  /** Ends everything, at once. */
  end(): Promise<unknown>
  /** Resolves once `I`, `T` or `E` of a client whose statement has just failed can be asked for; `expected`: the other side's. */
  known(client: Client, expected: string | null | undefined): Promise<void>
}

/** A setting of the app's own has no value until a connection sets it, and an empty one ever after. */
export const DEFAULTS = '-c app.who='

/** How long the status of a client may take after an error, which pg tells before the server is ready again. */
const READY_MS = 1_000
/** A cursor that is left open has its connection for a second after the release. */
const RELEASED_MS = 3_000

/** `caughtUp`: resolves once the replicas have everything. */
export function poolSide(pool: NearestPool, caughtUp: () => Promise<void>): Side {
  pool.on('error', () => undefined)
  return {
    borrow: () => pool.connect(),
    release: (client, close) => {
      ;(client as pg.PoolClient).release(close)
      return Promise.resolve()
    },
    async done(client) {
      const emptied = client.query('').then(ignore, ignore)
      await Promise.race([emptied, sleep(READY_MS, undefined, { ref: false })])
    },
    rest: () => waitUntil(() => pool.idleCount === pool.totalCount, RELEASED_MS),
    known: (client, expected) => waitUntil(() => statusOf(client) === expected),
    async catchUp() {
      await caughtUp()
      await pool.refresh()
    },
    end: () => pool.destroy(),
  }
}

/** pg's own client, without a pool: it is closed where a pool must not lend it again. */
export function clientSide(url: string, applicationName: string): Side {
  let idle: pg.Client | undefined
  let lent: pg.Client | undefined
  return {
    async borrow() {
      lent = idle ?? (await connected(url, applicationName))
      idle = undefined
      return lent
    },
    async release(client, close, ended) {
      await ended
      await waitUntil(() => isReady(client))
      lent = undefined
      if (close || statusOf(client) !== 'I') await (client as pg.Client).end()
      else idle = client as pg.Client
    },
    done: (client) => waitUntil(() => isReady(client)),
    rest: () => Promise.resolve(),
    known: (client) => waitUntil(() => isReady(client)),
    catchUp: () => Promise.resolve(),
    end: () => Promise.all([idle?.end(), lent?.end()]),
  }
}

export function statusOf(client: Client): string | null {
  return (client as pg.PoolClient).getTransactionStatus()
}

/** pg has no public word for it. */
function isReady(client: Client): boolean {
  return (client as unknown as { readonly readyForQuery: boolean }).readyForQuery
}

async function connected(url: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: applicationName, options: DEFAULTS })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function waitUntil(holds: () => boolean, withinMs = READY_MS): Promise<void> {
  const end = performance.now() + withinMs
  while (!holds() && performance.now() < end) await new Promise((resolve) => setImmediate(resolve))
}

function ignore(): void {}
