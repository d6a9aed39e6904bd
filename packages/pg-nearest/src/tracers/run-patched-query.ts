import pg from 'pg'
import { CALLER, type Called } from './caller-context.ts'

/** A statement as tracers have seen it. */
export interface ShownStatement {
  /** With what a tracer has added to it, such as a comment. */
  readonly text: string
  /** Why a tracer does not let it be sent. */
  readonly refusal: Error | undefined
  ended(error: unknown, result?: unknown): void
}

/** On the options of a statement that tracers have been shown, but that has not been sent. */
export const SHOWN: unique symbol = Symbol('shown')

export interface Shown {
  readonly [SHOWN]?: ShownStatement | undefined
}

/** What tracers make of it: a query of pg's. */
interface Seen {
  readonly text: string
  /** Tracers put their own in its place. */
  readonly callback: ((error: unknown, result?: unknown) => void) | undefined
}

/**
 * Shows a statement that somebody has given to whoever has replaced `query` of pg's client, in the async context of that call: as if pg sent it
 * on this client, but only to them. `undefined` if nobody looks, or if it is a statement of the pool's own.
 */
export function showStatement(client: pg.Client, config: pg.QueryConfig & Called & Shown): ShownStatement | undefined {
  const { [CALLER]: caller, [SHOWN]: shown, text } = config
  if (shown !== undefined) return shown
  if (caller === undefined || typeof text !== 'string') return undefined
  return caller(show, client, config)
}

function show(client: pg.Client, { text, values, name }: pg.QueryConfig): ShownStatement | undefined {
  const queue: Seen[] = []
  let early: unknown
  const callback = (error: unknown): void => {
    early = error
  }
  const seen = { text, ...(values === undefined ? {} : { values }), ...(name === undefined ? {} : { name }) }
  try {
    // Plain options and a callback, because tracers copy options, and know an end by the callback.
    Reflect.apply(pg.Client.prototype.query, stageFor(client, queue), [seen, callback])
  } catch {
    // What is wrong with a tracer is no fault of the statement.
    return undefined
  }
  const query = queue.at(-1)
  if (query !== undefined) return { text: query.text, refusal: undefined, ended: endOf(query) }
  return early instanceof Error ? { text, refusal: early, ended: ignore } : undefined
}

/** Whether a tracer has added nothing to a text but a comment whose end is plain to see. */
export function isCommented(text: string, original: string): boolean {
  if (text === original) return true
  const [ahead, behind, more] = text.split(original)
  return more === undefined && behind !== undefined && COMMENT.test(ahead ?? '') && COMMENT.test(behind)
}

const COMMENT = /^\s*(?:\/\*[^*]*\*\/\s*)?$/

/** The client, with a queue that nothing leaves. */
function stageFor(client: pg.Client, queue: readonly Seen[]): pg.Client {
  const own = { _queryQueue: queue, _pulseQueryQueue: ignore, _activeQuery: null, _queryable: true, _ending: false }
  return Object.assign(Object.create(client) as pg.Client, own, { pipeline: false })
}

function endOf(query: Seen): ShownStatement['ended'] {
  return (error, result) => {
    try {
      query.callback?.(error ?? null, result)
    } catch {
      // As above.
    }
  }
}

function ignore(): void {}
