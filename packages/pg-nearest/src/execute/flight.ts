import type pg from 'pg'

/** What pg says in its code and not in its types. */
interface PipelinedClient {
  pipeline: boolean
  readonly connection: { readonly stream: { cork?(): void; uncork?(): void } }
}

interface Flights {
  count: number
  readonly before: boolean
}

const flying = new WeakMap<pg.PoolClient, Flights>()

/**
 * What `send` gives to this client is sent at once, in one packet. Several flights may be under way on one client;
 * {@link endFlight} must be called when all of this one is answered.
 */
export function beginFlight(client: pg.PoolClient, send: () => void): void {
  const pipelined = client as unknown as PipelinedClient
  const { stream } = pipelined.connection
  const flights = flying.get(client)
  if (flights === undefined) flying.set(client, { count: 1, before: pipelined.pipeline })
  else flights.count++
  pipelined.pipeline = true
  stream.cork?.()
  try {
    send()
  } finally {
    stream.uncork?.()
  }
}

export function endFlight(client: pg.PoolClient): void {
  const flights = flying.get(client)
  if (flights === undefined || --flights.count > 0) return
  flying.delete(client)
  ;(client as unknown as PipelinedClient).pipeline = flights.before
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
