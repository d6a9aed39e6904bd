import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { World } from 'pg-nearest-world'
import { createPool, type ServerOptions } from '../../src/index.ts'
import { addSecret } from '../secrets/secret-watch.ts'
import { ask, until } from './fixtures.ts'

/** A password that changes on the server again and again, and the function that knows it. */
export interface RotatingPassword extends AsyncDisposable {
  readonly changes: number
  readonly password: () => Promise<string>
}

/** Only the superuser may set a password without knowing it. The first one is set again in the end. */
export async function rotatePassword(world: World, everyMs: number): Promise<RotatingPassword> {
  const admin = new pg.Client({ connectionString: world.url(world.primary, { as: 'superuser' }) })
  await admin.connect()
  const first = decodeURIComponent(new URL(world.url(world.primary)).password)
  let current = first
  let changes = 0
  let over = false
  const set = async (next: string): Promise<void> => {
    addSecret(next)
    await admin.query(`alter role app password '${next}'`)
    current = next
  }
  const rotate = async (): Promise<void> => {
    while (!over) {
      await sleep(everyMs)
      await set(`rotated-password-${++changes}`)
    }
  }
  const rotating = rotate()
  return {
    get changes() {
      return changes
    },
    async password() {
      // As a service for secrets, which has a way to go.
      await sleep(1)
      return current
    },
    async [Symbol.asyncDispose]() {
      over = true
      await rotating
      await set(first)
      await admin.end()
    },
  }
}

/** A server's entry in pg's own words. */
export function entryOf(url: string): ServerOptions & { readonly password: string } {
  const { hostname, port, username, password, pathname } = new URL(url)
  return {
    host: hostname,
    port: Number(port),
    user: username,
    database: pathname.slice(1),
    password: decodeURIComponent(password),
  }
}

export interface Outcome {
  readonly connections: number
  readonly changes: number
  /** What failed, by its message. */
  readonly failures: readonly string[]
  /** Rows that the transactions, each open over several changes, have written. */
  readonly written: number
}

/** Reads, writes and long transactions, each statement outside of them on a connection of its own. */
export async function connectUnderRotation(world: World, connections: number, everyMs: number): Promise<Outcome> {
  await using rotating = await rotatePassword(world, everyMs)
  const { password } = rotating
  const near = world.regions.find((region) => region !== world.primary) ?? ''
  await using pool = createPool({
    region: near,
    primary: { region: world.primary, ...entryOf(world.url(world.primary)), password },
    replicas: { [near]: { ...entryOf(world.url(near)), password } },
    maxUses: 1,
    max: 8,
  })
  const failures: string[] = []
  pool.on('error', (error) => failures.push(`idle: ${String(error)}`))
  let made = 0
  pool.on('connect', () => made++)
  const orNoted = (promise: Promise<unknown>): Promise<unknown> =>
    promise.catch((error: unknown) => failures.push(String(error)))
  const isDone = (): boolean => made >= connections && rotating.changes > 2

  const statements = async (worker: number): Promise<void> => {
    for (let i = 0; !isDone(); i++) {
      const text = (worker + i) % 2 === 0 ? 'select 1' : 'insert into hits values (1)'
      await orNoted(pool.query(text))
    }
  }
  const transactions = async (): Promise<number> => {
    let rows = 0
    while (!isDone()) {
      const seen = rotating.changes
      const work = pool.transaction(async (tx) => {
        await tx.query('insert into hits values (2)')
        await until(() => rotating.changes >= seen + 2 || isDone(), 'two changes of the password', 30_000)
        await tx.query('insert into hits values (2)')
      })
      await orNoted(work.then(() => (rows += 2)))
    }
    return rows
  }
  const [rows] = await Promise.all([transactions(), ...[0, 1, 2, 3, 4].map((worker) => statements(worker))])
  const [row] = await ask<{ count: number }>(
    world.url(world.primary, { as: 'superuser' }),
    'select count(*)::int as count from hits where n = 2',
  )
  if (row?.count !== rows) failures.push(`${row?.count} rows of transactions, and ${rows} were acknowledged`)
  return { connections: made, changes: rotating.changes, failures, written: rows }
}
