import type pg from 'pg'

/** Options of `pg.Pool` that its types leave out. */
export interface ConnectHooks {
  readonly onConnect?: ((client: pg.Client) => unknown) | undefined
  readonly verify?: ((client: pg.PoolClient, done: (error?: unknown) => void) => void) | undefined
}

/** The user's `onConnect` or `verify` failed on a new connection, which says nothing about the server. */
export class HookError extends Error {
  override readonly name = 'HookError'

  constructor(cause: unknown) {
    super('onConnect or verify has failed', { cause })
  }
}

/** @throws HookError for what `onConnect` throws, or rejects with. */
export async function runConnectHook(client: pg.Client, { onConnect }: ConnectHooks): Promise<void> {
  if (onConnect === undefined) return
  try {
    await onConnect(client)
  } catch (error) {
    throw new HookError(error)
  }
}

/** @throws HookError for what `verify` throws, or calls back with. */
export function runVerifyHook(client: pg.Client, verify: NonNullable<ConnectHooks['verify']>): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(new HookError(error))
    try {
      verify(client as pg.PoolClient, (error) => (error ? fail(error) : resolve()))
    } catch (error) {
      fail(error)
    }
  })
}
