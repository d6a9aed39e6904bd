import type pg from 'pg'
import { instanceOf, NearestError } from '../errors.ts'
import { SilentError, withinTime } from '../limits/stall-aware-timeout.ts'

/** Options of `pg.Pool` that its types leave out. */
export interface ConnectHooks {
  readonly onConnect?: ((client: pg.Client) => unknown) | undefined
  readonly verify?: ((client: pg.PoolClient, done: (error?: unknown) => void) => void) | undefined
}

/** So many connections in a row may die while listeners of `connect` and `verify` have them. */
export const MOST_DEATHS = 3

/** What the hooks need to know of a new connection. */
interface NewConnection {
  readonly client: pg.Client
  /** Aborted when it is being closed. */
  readonly over: AbortSignal
}

/** The user's `onConnect` or `verify` failed on a new connection, which says nothing about the server. */
export class HookError extends Error {
  override readonly name = 'HookError'
  /** It did not end in time. */
  readonly late: boolean

  constructor(cause: unknown, late = false) {
    super('onConnect or verify has failed', { cause })
    this.late = late
  }
}

/**
 * Returns, too, when the connection is being closed meanwhile.
 *
 * @throws HookError if `onConnect` throws, rejects, does not end in time, or leaves a transaction open.
 */
export async function runConnectHook(
  connection: NewConnection,
  { onConnect }: ConnectHooks,
  withinMs: number,
): Promise<void> {
  if (onConnect !== undefined) await runHook('onConnect', connection, withinMs, () => onConnect(connection.client))
}

/**
 * Returns, too, when the connection is being closed meanwhile.
 *
 * @throws HookError if `verify` throws, calls back with an error, does not call back in time, or leaves a transaction open.
 */
export async function runVerifyHook(
  connection: NewConnection,
  verify: NonNullable<ConnectHooks['verify']>,
  withinMs: number,
): Promise<void> {
  const called = (): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      verify(connection.client as pg.PoolClient, (error) => (error ? reject(error) : resolve()))
    })
  await runHook('verify', connection, withinMs, called)
}

async function runHook(
  name: 'onConnect' | 'verify',
  { client, over }: NewConnection,
  withinMs: number,
  hook: () => unknown,
): Promise<void> {
  let end: () => void = ignore
  const closing = new Promise<void>((resolve) => {
    end = resolve
    over.addEventListener('abort', end)
  })
  try {
    await withinTime(Promise.race([(async () => hook())(), closing]), withinMs)
    if (!over.aborted) throwIfOpen(client, name)
  } catch (error) {
    throw instanceOf(error, SilentError) ? new HookError(lateError(name, withinMs), true) : new HookError(error)
  } finally {
    over.removeEventListener('abort', end)
  }
}

function lateError(name: string, withinMs: number): NearestError {
  return new NearestError(
    'NEAREST_TIMEOUT',
    `${name} did not end within connectTimeoutMs (${withinMs} ms): look at what it waits for, or raise connectTimeoutMs.`,
  )
}

/** The connection's next user would be inside of that transaction, and nothing would commit it. */
function throwIfOpen(client: pg.Client, hook: string): void {
  const status = client.getTransactionStatus()
  if (status === 'T' || status === 'E') throw new Error(`${hook} has left a transaction open`)
}

function ignore(): void {}
