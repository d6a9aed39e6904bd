import { channel, tracingChannel, type Channel, type TracingChannel } from 'node:diagnostics_channel'
import type { Mode } from '../modes/pool-mode.ts'
import type { QueryEvent } from './event-types.ts'
import type { ServedBy } from './served-by.ts'

/**
 * The message of the tracing channel `pg-nearest:query` (`start`, `end`, `asyncStart`, `asyncEnd`, `error`). All of a statement's
 * messages are the same object, which is filled in as the statement proceeds: by `asyncEnd` it is a {@link QueryEvent}.
 */
export interface QueryTrace extends Partial<QueryEvent> {
  /** The pool that `createPool` made, whichever handle of it the statement was given to. */
  readonly pool: object
  readonly text: string
  readonly mode: Mode
  /** The number of values. The values themselves are never published. */
  readonly parameters: number
  /** The command, such as `INSERT`, and the number of rows; not the rows. */
  readonly result?: { readonly command: string | undefined; readonly rowCount: number | undefined }
}

/** What the channels `pg-nearest:topology`, `:problem`, `:primary`, `:position-lost`, `:mode`, `:writer`, `:observed` and `:store` carry. */
export interface PoolMessage<Event> {
  /** The pool that `createPool` made. */
  readonly pool: object
  /** The object that the pool emits under the same name. */
  readonly event: Event
}

/** Runs a statement and publishes it on the tracing channel. */
export type Trace = <T extends object>(statement: Statement, mode: Mode, run: () => Promise<T>) => Promise<T>

interface Statement {
  readonly text: string
  readonly values?: readonly unknown[]
}

const queries: TracingChannel<unknown, QueryTrace> = tracingChannel('pg-nearest:query')
const EVENTS = ['topology', 'problem', 'primary', 'position-lost', 'mode', 'writer', 'observed', 'store']
const channels: ReadonlyMap<string, Channel> = new Map(EVENTS.map((event) => [event, channel(`pg-nearest:${event}`)]))

/** Whether the tracing channel has subscribers. */
export function isTraced(): boolean {
  return queries.hasSubscribers
}

/** Publishes an event of a pool on the event's channel. */
export function publish(pool: object, event: string, argument: unknown): void {
  const to = channels.get(event)
  if (to?.hasSubscribers === true) to.publish({ pool, event: argument })
}

/** Like `TracingChannel.tracePromise`, which would publish the rows, too. */
export function traceQuery<T extends object>(
  pool: object,
  { text, values }: Statement,
  mode: Mode,
  run: () => Promise<T>,
): Promise<T> {
  const trace: { -readonly [Key in keyof QueryTrace]: QueryTrace[Key] } = {
    pool,
    text,
    mode,
    parameters: values?.length ?? 0,
  }
  const start = performance.now()

  const fail = (error: unknown): void => {
    trace.durationMs = performance.now() - start
    trace.servedBy = undefined
    trace.error = error
    queries.error.publish(trace)
  }
  const endLater = (): void => {
    queries.asyncStart.publish(trace)
    queries.asyncEnd.publish(trace)
  }
  const resolved = (result: T): T => {
    const { servedBy, command, rowCount } = result as Partial<Outcome>
    trace.durationMs = performance.now() - start
    trace.servedBy = servedBy
    trace.result = { command: command ?? undefined, rowCount: rowCount ?? undefined }
    endLater()
    return result
  }
  const rejected = (error: unknown): never => {
    fail(error)
    endLater()
    throw error
  }

  return queries.start.runStores(trace, () => {
    try {
      return run().then(resolved, rejected)
    } catch (error) {
      fail(error)
      throw error
    } finally {
      queries.end.publish(trace)
    }
  })
}

interface Outcome {
  readonly servedBy: ServedBy
  readonly command: string | null
  readonly rowCount: number | null
}
