import type pg from 'pg'

/** What pg says in its code and not in its types. */
interface PipelinedClient {
  pipeline: boolean
  readonly connection: { readonly stream: { cork?(): void; uncork?(): void } }
  /** Sent, and not yet the one whose answer is awaited. */
  readonly _sentQueryQueue: readonly unknown[]
  once(event: 'drain', listener: () => void): void
}

const flying = new WeakMap<pg.PoolClient, number>()

/**
 * What `send` gives to this client is sent at once, in one packet. Several flights may be under way on one client;
 * {@link endFlight} must be called when all of this one is answered.
 */
export function beginFlight(client: pg.PoolClient, send: () => void): void {
  const pipelined = client as unknown as PipelinedClient
  const { stream } = pipelined.connection
  flying.set(client, (flying.get(client) ?? 0) + 1)
  pipelined.pipeline = true
  stream.cork?.()
  try {
    send()
  } finally {
    stream.uncork?.()
  }
}

export function endFlight(client: pg.PoolClient): void {
  const count = (flying.get(client) ?? 1) - 1
  if (count > 0) return void flying.set(client, count)
  flying.delete(client)
  settle(client)
}

/**
 * pg forgets what was sent at once and not answered when it is told to send one by one again; and a statement with a value
 * that cannot be sent fails before it is answered.
 */
function settle(client: pg.PoolClient): void {
  const pipelined = client as unknown as PipelinedClient
  const { _sentQueryQueue: sent } = pipelined
  if (flying.has(client)) return
  if (sent.length > 0) pipelined.once('drain', () => settle(client))
  else pipelined.pipeline = false
}

/** One round trip for all that `work` sends before it waits. Each keeps its own error. */
export async function inOneFlight<T>(client: pg.PoolClient, work: () => Promise<T>): Promise<T> {
  let arrival: Promise<T> | undefined
  beginFlight(client, () => {
    arrival = work()
  })
  try {
    return await (arrival as Promise<T>)
  } finally {
    endFlight(client)
  }
}
