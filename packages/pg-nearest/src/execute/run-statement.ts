import type pg from 'pg'
import { cancelBackend } from '../monitor/cancel-backend.ts'
import type { Lease } from '../monitor/server-connections.ts'
import { beginFlight, endFlight, inOneFlight } from './flight.ts'
import { isSingle } from './deferred-begin.ts'
import { askPosition, OF_STANDBY, readPosition, type Said } from './position-query.ts'
import { sendTrailed } from './trailed-query.ts'

/** One result, or one for each statement of a text that holds several. */
export type StatementResult = pg.QueryResult | pg.QueryResult[]

/**
 * What keeps a statement from writing. `none`: nothing, it is sent as it is. `read`: its text reads, so a standby is enough.
 * `statement` and `begin`: a READ ONLY transaction, wherever it runs, for a standby may be promoted at any moment.
 */
export type ReadOnly = 'none' | 'read' | 'statement' | 'begin'

/** Questions after the server's position that travel with a statement, and their answers. */
export interface Rider {
  /** Asked ahead of the statement: what it shows at least. */
  readonly ahead: boolean
  /** Asked behind it: what it shows at most. */
  readonly behind: boolean
  /** Nothing is known of the server yet. */
  readonly stranger: boolean
  /** By `performance.now()`. */
  readonly sentAt: number
  saidAhead: Said | undefined
  saidBehind: Said | undefined
}

/** What pg says in its code and not in its types. */
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
  rider?: Rider,
): Promise<StatementResult> {
  if (signal === undefined) return sendWith(lease, config, readOnly, rider)
  if (signal.aborted) return Promise.reject(signal.reason)
  return cancellable(sendWith(lease, config, readOnly, rider), lease, signal)
}

/** The statement with its rider: one round trip, or one for each where nothing can be sent at once. */
function sendWith(
  lease: Lease,
  config: pg.QueryConfig,
  readOnly: ReadOnly,
  rider: Rider | undefined,
): Promise<StatementResult> {
  if (rider === undefined) return send(lease, config, readOnly)
  if (isPlainOn(lease, readOnly) && mayTrail(lease, config, rider)) return sendWithTrail(lease, config, rider)
  if (!lease.pipelines) return sendInTurn(lease, config, readOnly, rider)
  return new Promise((resolve, reject) => {
    const { ahead, behind, stranger } = rider
    let told = false
    let open = 1 + Number(ahead) + Number(behind)
    let failure: unknown
    let result: StatementResult | undefined
    let late: NodeJS.Timeout | undefined
    const land = (): void => {
      if (--open === 1 && behind && told) late = expectTrail(lease)
      if (open > 0) return
      clearTimeout(late)
      endFlight(lease.client)
      if (result === undefined) reject(failure)
      else resolve(result)
    }
    const done = (error: unknown, given?: StatementResult): void => {
      // pg calls back twice where a value cannot be sent.
      if (told) return
      told = true
      if (error) failure = error
      else result = given
      land()
    }
    beginFlight(lease.client, () => {
      if (ahead)
        askPosition(lease, stranger, (said) => {
          rider.saidAhead = said
          land()
        })
      if (isPlainOn(lease, readOnly)) sendPlain(lease.client, config, done)
      else send(lease, config, readOnly).then((given) => done(undefined, given), done)
      if (behind)
        askPosition(lease, stranger, (said) => {
          rider.saidBehind = said
          land()
        })
    })
  })
}

/** A position takes no time to tell: where none comes, something in between has swallowed the question. */
const TRAIL_PATIENCE_MS = 2_000

export function expectTrail(lease: Lease): NodeJS.Timeout {
  return setTimeout(() => lease.refusePipelines(), TRAIL_PATIENCE_MS)
}

/** A standby writes nothing, so that both may share a Sync. */
function mayTrail({ provenStandby }: Lease, { text, ...rest }: pg.QueryConfig, rider: Rider): boolean {
  if (!provenStandby || rider.ahead || rider.stranger || typeof text !== 'string' || !isSingle(text)) return false
  for (const key in rest) if (key !== 'values' && key !== 'rowMode' && key !== 'types') return false
  return rest.values === undefined || Array.isArray(rest.values)
}

function sendWithTrail({ client }: Lease, config: pg.QueryConfig, rider: Rider): Promise<StatementResult> {
  return new Promise((resolve, reject) => {
    sendTrailed(client, config, OF_STANDBY, (error, result, trail) => {
      rider.saidBehind = trail && readPosition(trail)
      if (result === undefined) reject(error)
      else resolve(result)
    })
  })
}

async function sendInTurn(
  lease: Lease,
  config: pg.QueryConfig,
  readOnly: ReadOnly,
  rider: Rider,
): Promise<StatementResult> {
  if (rider.ahead) rider.saidAhead = await positionOf(lease, rider.stranger)
  const result = await send(lease, config, readOnly)
  if (rider.behind) rider.saidBehind = await positionOf(lease, rider.stranger)
  return result
}

export function positionOf(lease: Lease, stranger: boolean): Promise<Said | undefined> {
  return new Promise((resolve) => askPosition(lease, stranger, resolve))
}

/** It is sent as it is: nothing has to keep it from writing, or the server does. */
function isPlainOn({ provenStandby }: Lease, readOnly: ReadOnly): boolean {
  return readOnly === 'none' || (readOnly === 'read' && provenStandby)
}

function send(lease: Lease, config: pg.QueryConfig, readOnly: ReadOnly): Promise<StatementResult> {
  if (isPlainOn(lease, readOnly)) return sendOne(lease.client, config)
  return readOnly === 'begin' ? beginReadOnly(lease, config) : insideReadOnly(lease, config)
}

type Done = (error: Error | null, result: pg.QueryResult) => void

function sendOne(client: pg.PoolClient, config: pg.QueryConfig): Promise<StatementResult> {
  return new Promise((resolve, reject) => {
    sendPlain(client, config, (error, result) => (error ? reject(error) : resolve(result)))
  })
}

function sendPlain(client: pg.PoolClient, config: pg.QueryConfig, done: Done): void {
  // pg copies a config property by property, which shows in the time of a short query.
  if (isPlain(config)) client.query(config.text, config.values as unknown[], done)
  else client.query(config, done)
}

function isPlain(config: pg.QueryConfig): boolean {
  for (const key in config) if (key !== 'text' && key !== 'values') return false
  return true
}

/**
 * The server itself refuses the write, also where no replica is. The three travel together, in one round trip, and
 * leave nothing behind on the connection, so it is safe behind a pooler that hands connections around.
 */
function insideReadOnly({ client, pipelines }: Lease, config: pg.QueryConfig): Promise<StatementResult> {
  if (!pipelines) return insideReadOnlyInTurn(client, config)
  return inOneFlight(client, () => {
    const begin = client.query('BEGIN READ ONLY')
    const result = client.query(config)
    const commit = client.query('COMMIT')
    return firstToFail(result, begin, commit)
  })
}

async function insideReadOnlyInTurn(client: pg.PoolClient, config: pg.QueryConfig): Promise<StatementResult> {
  await client.query('BEGIN READ ONLY')
  try {
    const result = await client.query(config)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

function beginReadOnly({ client, pipelines }: Lease, config: pg.QueryConfig): Promise<StatementResult> {
  if (!pipelines)
    return client.query(config).then((result) => client.query('SET TRANSACTION READ ONLY').then(() => result))
  return inOneFlight(client, () => {
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

async function cancellable<T>(result: Promise<T>, lease: Lease, signal: AbortSignal): Promise<T> {
  let patience: NodeJS.Timeout | undefined
  let cancelled: Promise<void> | undefined
  let giveUp: (reason: unknown) => void
  const gaveUp = new Promise<never>((_resolve, reject) => {
    giveUp = reject
  })
  const onAbort = (): void => {
    cancelled = cancel(lease)
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
    if (cancelled !== undefined && lease.alive) await outlive(cancelled, lease)
  }
}

/** A cancel request that came too late would hit whatever runs next on this connection. */
async function outlive(cancelled: Promise<void>, { client }: Lease): Promise<void> {
  await cancelled
  await client.query('').catch(() => undefined)
}

export async function cancel({ client }: Pick<Lease, 'client'>): Promise<void> {
  const { processID, secretKey } = client as unknown as ConnectedClient
  if (processID === null || secretKey === null) return
  await cancelBackend({ host: client.host, port: client.port, processID, secretKey })
}
