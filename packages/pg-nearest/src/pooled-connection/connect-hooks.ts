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

/** @throws HookError if `onConnect` throws, rejects, or leaves a transaction open. */
export async function runConnectHook(client: pg.Client, { onConnect }: ConnectHooks): Promise<void> {
  if (onConnect === undefined) return
  try {
    await onConnect(client)
    throwIfOpen(client, 'onConnect')
  } catch (error) {
    throw new HookError(error)
  }
}

/** @throws HookError if `verify` throws, calls back with an error, or leaves a transaction open. */
export async function runVerifyHook(client: pg.Client, verify: NonNullable<ConnectHooks['verify']>): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      verify(client as pg.PoolClient, (error) => (error ? reject(error) : resolve()))
    })
    throwIfOpen(client, 'verify')
  } catch (error) {
    throw new HookError(error)
  }
}

/** The connection's next user would be inside of that transaction, and nothing would commit it. */
function throwIfOpen(client: pg.Client, hook: string): void {
  const status = client.getTransactionStatus()
  if (status === 'T' || status === 'E') throw new Error(`${hook} has left a transaction open`)
}
