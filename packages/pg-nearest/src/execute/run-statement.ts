import type pg from 'pg'
import { cancelBackend } from '../monitor/cancel-backend.ts'
import type { Lease } from '../monitor/server-connections.ts'

/** One result, or one for each statement of a text that holds several. */
export type StatementResult = pg.QueryResult | pg.QueryResult[]

/**
 * What keeps a statement from writing. `none`: nothing, it is sent as it is. `read`: its text reads, so a standby is enough.
 * `statement` and `begin`: a READ ONLY transaction, wherever it runs, for a standby may be promoted at any moment.
 */
export type ReadOnly = 'none' | 'read' | 'statement' | 'begin'

/** What pg says in its code and not in its types. */
type PipelinedClient = { pipeline: boolean }
type ConnectedClient = { processID: number | null; secretKey: number | null }

/** After a cancel request the server has this long to end the statement; then the connection is closed. */
const CANCEL_PATIENCE_MS = 1_000

/**
 * Runs a statement on a connection that is ours.
 *
 * @throws the signal's reason when it is aborted; the statement is then cancelled on the server.
 */
export function runStatement(
  lease: Lease,
  config: pg.QueryConfig,
  readOnly: ReadOnly,
  signal: AbortSignal | undefined,
): Promise<StatementResult> {
  if (signal === undefined) return send(lease, config, readOnly)
  if (signal.aborted) return Promise.reject(signal.reason)
  return cancellable(send(lease, config, readOnly), lease, signal)
}

function send(lease: Lease, config: pg.QueryConfig, readOnly: ReadOnly): Promise<StatementResult> {
  if (readOnly === 'none' || (readOnly === 'read' && lease.provenStandby)) return sendOne(lease.client, config)
  return readOnly === 'begin' ? beginReadOnly(lease.client, config) : insideReadOnly(lease.client, config)
}

function sendOne(client: pg.PoolClient, config: pg.QueryConfig): Promise<StatementResult> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: pg.QueryResult): void => (error ? reject(error) : resolve(result))
    // pg copies a config property by property, which shows in the time of a short query.
    if (isPlain(config)) client.query(config.text, config.values as unknown[], done)
    else client.query(config, done)
  })
}

function isPlain(config: pg.QueryConfig): boolean {
  for (const key in config) if (key !== 'text' && key !== 'values') return false
  return true
}

/**
 * The server itself refuses the write, also where no replica is. The three travel together, in one round trip, and
 * leave nothing behind on the connection, so it is safe behind a pooler that hands connections around.
 */
async function insideReadOnly(client: pg.PoolClient, config: pg.QueryConfig): Promise<StatementResult> {
  return inOneFlight(client, async () => {
    const begin = client.query('BEGIN READ ONLY')
    const result = client.query(config)
    const commit = client.query('COMMIT')
    return firstToFail(result, begin, commit)
  })
}

async function beginReadOnly(client: pg.PoolClient, config: pg.QueryConfig): Promise<StatementResult> {
  return inOneFlight(client, async () => {
    const begin = client.query(config)
    const restrict = client.query('SET TRANSACTION READ ONLY')
    return firstToFail(begin, restrict)
  })
}

/** The first one's result, once all have ended; the error of the first one to fail. */
async function firstToFail<T>(result: Promise<T>, ...others: Promise<unknown>[]): Promise<T> {
  const [settled, ...rest] = await Promise.allSettled([result, ...others])
  if (settled.status === 'rejected') throw settled.reason
  const failed = rest.find((other) => other.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return settled.value
}

async function inOneFlight<T>(client: pg.PoolClient, work: () => Promise<T>): Promise<T> {
  const pipelined = client as unknown as PipelinedClient
  const before = pipelined.pipeline
  pipelined.pipeline = true
  try {
    return await work()
  } finally {
    pipelined.pipeline = before
  }
}

async function cancellable<T>(result: Promise<T>, lease: Lease, signal: AbortSignal): Promise<T> {
  let patience: NodeJS.Timeout | undefined
  let giveUp: (reason: unknown) => void
  const gaveUp = new Promise<never>((_resolve, reject) => {
    giveUp = reject
  })
  const onAbort = (): void => {
    cancel(lease)
    patience = setTimeout(() => {
      lease.kill()
      giveUp(signal.reason)
    }, CANCEL_PATIENCE_MS)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([result, gaveUp])
  } catch (error) {
    result.catch(() => undefined)
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', onAbort)
    clearTimeout(patience)
  }
}

function cancel({ client }: Lease): void {
  const { processID, secretKey } = client as unknown as ConnectedClient
  if (processID === null || secretKey === null) return
  cancelBackend({ host: client.host, port: client.port, processID, secretKey })
}
