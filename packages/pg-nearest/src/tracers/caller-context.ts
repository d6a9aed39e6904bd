import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'

/** On the options of a statement that somebody has given: runs something in the async context of that call. */
export const CALLER: unique symbol = Symbol('caller')

export type Caller = ReturnType<typeof AsyncLocalStorage.snapshot>

export interface Called {
  readonly [CALLER]?: Caller | undefined
}

let known: unknown
let isReplaced = false

/** Whether a tracer (OpenTelemetry's PgInstrumentation, dd-trace, New Relic …) has replaced `query` of pg's client, or rewritten it. */
function isTraced(): boolean {
  const { query } = pg.Client.prototype
  if (query !== known) {
    known = query
    const source = Function.prototype.toString.call(query)
    isReplaced = !source.includes(OF_PG) || OF_TRACERS.test(source)
  }
  return isReplaced
}

const OF_PG = 'Client was passed a null or undefined query'
/** In what tracers make of pg's source. */
const OF_TRACERS = /hasSubscribers|tracingChannel|__apm/

/** The async context of a call that tracers want to know. */
export function callerNow(): Caller | undefined {
  return isTraced() ? AsyncLocalStorage.snapshot() : undefined
}

/** The same options, marked as those of a call, if a tracer wants to know. */
export function asCalled<T extends object>(config: T): T {
  const caller = callerNow()
  return caller === undefined ? config : { ...config, [CALLER]: caller }
}
