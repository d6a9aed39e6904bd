import pg from 'pg'
import { connectClient, destroySocket } from '../pg-client/connect-client.ts'
import { serverClient } from '../pg-client/standby-aware-client.ts'
import { SilentError, withinTime } from './stall-aware-timeout.ts'
import { isErrorResponse } from '../driver-errors.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'

export interface ProbeConnectionOptions {
  /** Holds the password. */
  readonly url: string
  readonly connectTimeoutMs: number
  /** The time for one answer, without connecting. */
  readonly timeoutMs: number
  /** Checks on each connection whether several statements may be sent at once. */
  readonly pipeline: boolean
  readonly pgOptions: pg.PoolConfig
  /** The first query on each connection, to warm the server's caches. It may be refused. */
  readonly warmUp: () => string
  /** The connection died without having been closed here. */
  readonly onLoss: () => void
}

/** An open probe connection. */
export interface Asked {
  readonly client: pg.Client
  /** Several statements may be sent at once. */
  readonly pipelines: boolean
  /** Limits the time for one answer. */
  within<T>(answer: Promise<T>): Promise<T>
}

/** At most one connection, made on demand. Each question on it settles when the connection ends, at the latest. */
export interface ProbeConnection {
  readonly state: State['is']
  /** Asks on the open connection or a new one. A failed question ends the connection. */
  ask<T>(question: (on: Asked) => Promise<T>): Promise<T>
  /** Ends the connection; a pending question rejects. The next question makes a new connection. */
  disconnect(): void
  /** The same, for good. */
  close(): void
}

/** One connection, from dialling to its end. */
interface Attempt {
  readonly made: Promise<Asked>
  /** Aborted with the reason for its end. */
  readonly ended: AbortController
  asking: number
}

type State =
  | { readonly is: 'none' }
  | { readonly is: 'connecting'; readonly attempt: Attempt }
  | { readonly is: 'open'; readonly attempt: Attempt; readonly client: pg.Client }
  | { readonly is: 'closed' }

/** How long the server has to close its end after Terminate. */
const GOODBYE_MS = 1_000

export function createProbeConnection(options: ProbeConnectionOptions): ProbeConnection {
  // No time-out in pg: the one here takes a busy process into account.
  const ProbeClient = serverClient({ url: options.url, connectTimeoutMs: 0 })
  let state: State = { is: 'none' }

  const attemptOf = (): Attempt | undefined => ('attempt' in state ? state.attempt : undefined)

  const end = (attempt: Attempt, reason: unknown): void => {
    if (attemptOf() !== attempt) return
    const client = state.is === 'open' ? state.client : undefined
    state = { is: 'none' }
    attempt.ended.abort(reason)
    if (client === undefined) return
    if (reason instanceof SilentError || attempt.asking > 0) destroySocket(client)
    else sayGoodbye(client)
  }

  const current = (): Attempt => {
    if (state.is === 'closed') throw new Error('The probe was closed')
    return attemptOf() ?? begin()
  }

  const begin = (): Attempt => {
    const ended = new AbortController()
    const attempt: Attempt = { ended, asking: 0, made: open(ended.signal) }
    state = { is: 'connecting', attempt }
    attempt.made.then(
      ({ client }) => {
        if (attemptOf() !== attempt) return destroySocket(client)
        state = { is: 'open', attempt, client }
        const lost = (error?: Error): void => {
          if (attemptOf() !== attempt) return
          end(attempt, error ?? new Error('Connection terminated unexpectedly'))
          options.onLoss()
        }
        client.on('error', lost)
        client.on('end', () => lost())
        // Probes must not keep the process alive.
        ;(client as pg.Client & { unref(): void }).unref()
      },
      (error: unknown) => end(attempt, error),
    )
    return attempt
  }

  const open = async (signal: AbortSignal): Promise<Asked> => {
    if (options.pipeline) {
      const client = await dial(true, signal)
      if (await orDestroyed(client, answersAtOnce(client, options), signal)) return asked(client, true)
      destroySocket(client)
    }
    const client = await dial(false, signal)
    await orDestroyed(client, withinTime(answered(client.query(options.warmUp())), options.timeoutMs), signal)
    // Without a check pipelining counts as possible.
    return asked(client, !options.pipeline)
  }

  const asked = (client: pg.Client, pipelines: boolean): Asked => ({
    client,
    pipelines,
    within: (answer) => withinTime(answer, options.timeoutMs),
  })

  const dial = (pipeline: boolean, signal: AbortSignal): Promise<pg.Client> => {
    const client = new ProbeClient({
      ...options.pgOptions,
      pipeline,
      application_name: options.pgOptions.application_name ?? 'pg-nearest monitor',
    })
    return orDestroyed(client, withinTime(connectClient(client, signal), options.connectTimeoutMs), signal)
  }

  const shut = (next: 'none' | 'closed'): void => {
    const attempt = attemptOf()
    if (attempt !== undefined) end(attempt, new Error('The probe was closed'))
    state = state.is === 'closed' ? state : { is: next }
  }

  return {
    get state() {
      return state.is
    },
    async ask(question) {
      const attempt = current()
      try {
        return await askOn(attempt, question)
      } catch (error) {
        end(attempt, error)
        throw error
      }
    },
    disconnect: () => shut('none'),
    close: () => shut('closed'),
  }
}

async function askOn<T>(attempt: Attempt, question: (on: Asked) => Promise<T>): Promise<T> {
  const { signal } = attempt.ended
  attempt.asking++
  try {
    const on = await unlessAborted(attempt.made, signal)
    return await unlessAborted(question(on), signal)
  } finally {
    attempt.asking--
  }
}

/** Settles as the promise does, or rejects with the signal's reason. Destroys the connection whenever it rejects. */
async function orDestroyed<T>(client: pg.Client, promise: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await unlessAborted(promise, signal)
  } catch (error) {
    destroySocket(client)
    throw error
  }
}

/** Sends two queries in one packet, and resolves with whether both are answered. Rejects if the first is not. */
async function answersAtOnce(client: pg.Client, { warmUp, timeoutMs }: ProbeConnectionOptions): Promise<boolean> {
  // pg's types leave out that sockets can be corked.
  const { stream } = client.connection as unknown as { readonly stream: { cork?(): void; uncork?(): void } }
  stream.cork?.()
  const first = answered(client.query(warmUp()))
  const second = answered(client.query(warmUp()))
  second.catch(ignore)
  stream.uncork?.()
  await withinTime(first, timeoutMs)
  return withinTime(second, timeoutMs).then(
    () => true,
    () => false,
  )
}

/** Resolves when the server has answered, even with an error. */
async function answered(query: Promise<unknown>): Promise<void> {
  await query.catch((error: unknown) => {
    if (!isErrorResponse(error)) throw error
  })
}

/** Sends Terminate, and destroys the socket if the server does not close it in time. */
function sayGoodbye(client: pg.Client): void {
  const timer = setTimeout(destroySocket, GOODBYE_MS, client)
  timer.unref()
  client.once('end', () => clearTimeout(timer))
  client.end().catch(ignore)
}

function ignore(): void {}
