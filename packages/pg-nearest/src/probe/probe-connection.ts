import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { connectClient, destroySocket } from '../pg-client/connect-client.ts'
import { noteStage } from '../pg-client/wrong-peer-detection.ts'
import { askAgainAfterMs } from '../pg-client/password-function.ts'
import { serverClient, type ClientLogin } from '../pg-client/standby-aware-client.ts'
import { isErrorResponse } from '../driver-errors.ts'
import { SilentError, withinTime } from '../limits/stall-aware-timeout.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'
import { askQuietly } from './ask-quietly.ts'

export interface ProbeConnectionOptions {
  readonly server: string
  /** Asked at each new connection. */
  readonly login: () => ClientLogin
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
  /** When it was dialled, by `performance.now()`. */
  readonly dialledAt: number
  /** Limits the time for one answer. */
  within<T>(answer: Promise<T>): Promise<T>
}

/** At most one connection, made on demand. Each question on it settles when the connection ends, at the latest. */
export interface ProbeConnection {
  readonly state: State['is']
  /** Asks on the open connection or a new one. A failed question ends the connection. */
  ask<T>(question: (on: Asked) => Promise<T>): Promise<T>
  /**
   * Puts a new connection in the open one's place, because the name may lead elsewhere by now. `false`: none could be made, and nothing
   * changes.
   */
  renew(): Promise<boolean>
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
  /** Another has taken its place, and it ends with its last question. */
  replaced?: pg.Client
}

type State =
  | { readonly is: 'none' }
  | { readonly is: 'connecting'; readonly attempt: Attempt }
  | { readonly is: 'open'; readonly attempt: Attempt; readonly asked: Asked }
  | { readonly is: 'closed' }

/** How long the server has to close its end after Terminate. */
const GOODBYE_MS = 1_000

export function createProbeConnection(options: ProbeConnectionOptions): ProbeConnection {
  const { server, login } = options
  const ProbeClient = serverClient({ server, login })
  let state: State = { is: 'none' }
  let renewal: Attempt | undefined

  const attemptOf = (): Attempt | undefined => ('attempt' in state ? state.attempt : undefined)

  const end = (attempt: Attempt, reason: unknown): void => {
    if (attemptOf() !== attempt) return
    const client = state.is === 'open' ? state.asked.client : undefined
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

  const newAttempt = (pipeline: boolean): Attempt => {
    const ended = new AbortController()
    return { ended, asking: 0, made: open(pipeline, ended.signal) }
  }

  const begin = (): Attempt => {
    const attempt = newAttempt(options.pipeline)
    state = { is: 'connecting', attempt }
    attempt.made.then(
      (made) => (attemptOf() === attempt ? opened(attempt, made) : destroySocket(made.client)),
      (error: unknown) => end(attempt, error),
    )
    return attempt
  }

  const opened = (attempt: Attempt, asking: Asked): void => {
    state = { is: 'open', attempt, asked: asking }
    const { client } = asking
    const lost = (error?: Error): void => {
      if (attemptOf() !== attempt) return
      end(attempt, error ?? new Error('Connection terminated unexpectedly'))
      options.onLoss()
    }
    client.on('error', lost)
    client.on('end', () => lost())
    // Probes must not keep the process alive.
    ;(client as pg.Client & { unref(): void }).unref()
  }

  const open = async (pipeline: boolean, signal: AbortSignal): Promise<Asked> => {
    let dialledAt = performance.now()
    if (pipeline) {
      const client = await dial(true, signal)
      if (await orDestroyed(client, answersAtOnce(client, options), signal)) return asked(client, true, dialledAt)
      destroySocket(client)
    }
    dialledAt = performance.now()
    const client = await dial(false, signal)
    await orDestroyed(
      client,
      withinTime(answered(askQuietly(client, { text: options.warmUp() })), options.timeoutMs),
      signal,
    )
    // Without a check pipelining counts as possible.
    return asked(client, !options.pipeline, dialledAt)
  }

  const asked = (client: pg.Client, pipelines: boolean, dialledAt: number): Asked => ({
    client,
    pipelines,
    dialledAt,
    within: (answer) => withinTime(answer, options.timeoutMs),
  })

  const dial = async (pipeline: boolean, signal: AbortSignal): Promise<pg.Client> => {
    for (let tries = 1; ; tries++) {
      const client = new ProbeClient({
        ...options.pgOptions,
        pipeline,
        application_name: options.pgOptions.application_name ?? 'pg-nearest monitor',
      })
      try {
        // oxlint-disable-next-line no-await-in-loop -- again when the password has changed meanwhile
        return await orDestroyed(client, connectClient(client, options.connectTimeoutMs, signal), signal)
      } catch (error) {
        noteStage(client, error)
        const pauseMs = askAgainAfterMs(login().password, error, tries)
        if (pauseMs === undefined) throw error
        // oxlint-disable-next-line no-await-in-loop -- as above
        await sleep(pauseMs, undefined, { signal, ref: false })
      }
    }
  }

  const shut = (next: 'none' | 'closed'): void => {
    const attempt = attemptOf()
    if (attempt !== undefined) end(attempt, new Error('The probe was closed'))
    renewal?.ended.abort(new Error('The probe was closed'))
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
    async renew() {
      if (state.is !== 'open' || renewal !== undefined) return false
      // What a pooler has swallowed once it need not swallow again.
      const attempt = (renewal = newAttempt(options.pipeline && state.asked.pipelines))
      const made = await attempt.made.catch(ignore)
      renewal = undefined
      if (made === undefined) return false
      // It may have ended meanwhile, and others may have been dialled.
      if (state.is !== 'open') {
        destroySocket(made.client)
        return false
      }
      const { attempt: old, asked: before } = state
      opened(attempt, made)
      old.replaced = before.client
      if (old.asking === 0) sayGoodbye(before.client)
      return true
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
    if (attempt.asking === 0 && attempt.replaced !== undefined) sayGoodbye(attempt.replaced)
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
  const first = answered(askQuietly(client, { text: warmUp() }))
  const second = answered(askQuietly(client, { text: warmUp() }))
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
