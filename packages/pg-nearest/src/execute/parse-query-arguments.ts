import type pg from 'pg'
import { misspelled } from '../error-messages/closest-name.ts'
import { OptionError } from '../errors.ts'
import { CONSISTENCIES, isConsistency } from '../session/consistency.ts'
import type { Call, QueryCallback, RouteOptions } from '../route/request.ts'

/** Reads the arguments of a client's `query`: of several callbacks pg's clients call the last one, and pools the first. They look for one in the query, too. */
export function parseClientArguments(first: unknown, second: unknown, third: unknown): Call {
  const values = typeof second === 'function' ? undefined : second
  return parseQueryArguments(first, values, third || (values === second ? callbackIn(first) : second))
}

/**
 * Reads the arguments of `query` in all the forms that pg's pools take.
 *
 * @throws `TypeError`, as pg, for something that is no query; `OptionError` for a wrong option of {@link RouteOptions}.
 */
export function parseQueryArguments(first: unknown, second: unknown, third: unknown): Call {
  if (first === null || first === undefined) throw new TypeError('Client was passed a null or undefined query')
  if (typeof first === 'function') {
    throw new TypeError('Passing a function as the first parameter to pool.query is not supported')
  }
  // What is off for pg is none, as the values that an object has count then.
  const values = typeof second === 'function' ? undefined : ((second || undefined) as unknown[] | undefined)
  const callback = callbackOf(typeof second === 'function' ? second : third)
  if (typeof first === 'string') {
    const config = values === undefined ? { text: first } : { text: first, values }
    return {
      request: { config, route: undefined, consistency: undefined, signal: undefined, timeoutMs: undefined },
      callback,
    }
  }
  if (typeof first !== 'object') throw new TypeError(`A query is a text or an object with one, not a ${typeof first}.`)
  const config = readOnce(first)
  if (values !== undefined) config.values = values
  const limits = { signal: signalOf(config), timeoutMs: timeoutOf(config) }
  return { request: { config, route: routeOf(config), consistency: consistencyOf(config), ...limits }, callback }
}

function callbackOf(given: unknown): QueryCallback | undefined {
  if (!given) return undefined
  if (typeof given !== 'function') throw new TypeError('callback is not a function')
  return given as QueryCallback
}

/** What pg's clients look for in the query itself, and its pools do not. */
export function callbackIn(query: unknown): unknown {
  return typeof query === 'object' && query !== null && 'callback' in query ? query.callback : undefined
}

/** A cursor, a query stream or a COPY stream: an object that talks to the connection itself. */
export function isSubmittable(query: unknown): query is pg.Submittable {
  return typeof query === 'object' && query !== null && typeof (query as Partial<pg.Submittable>).submit === 'function'
}

/**
 * What the caller's object says now: it is not looked at again, so that it can neither change nor throw where a connection has been taken.
 *
 * @throws what it throws.
 */
function readOnce(given: object): pg.QueryConfig & RouteOptions {
  const config: Record<string, unknown> = {}
  for (const name in given) if (!harmless.has(name)) checkName(name)
  // By their names: the accessors of a class are not enumerable, and what else there is may be costly to look at.
  for (const name of READ) {
    const value = (given as typeof config)[name]
    // What is off for pg, nobody else may take for something.
    if (value !== undefined && (Boolean(value) || !SWITCHES.has(name))) config[name] = value
  }
  return config as unknown as pg.QueryConfig & RouteOptions
}

const OURS: readonly (keyof RouteOptions)[] = ['route', 'consistency', 'signal', 'timeoutMs']

/** pg's that are off where they are `null`, `0`, `''` or `false`. */
const SWITCHES: ReadonlySet<string> = new Set([
  'name',
  'rowMode',
  'types',
  'binary',
  'rows',
  'queryMode',
  'portal',
  'query_timeout',
])

/** Ours, and pg's. */
const READ: readonly string[] = ['text', 'values', ...SWITCHES, ...OURS]

/** Names that need not be looked at: those, and others' that were found to be none of ours. */
const harmless = new Set<string>(READ)
const MOST_HARMLESS = 1_000

/** Libraries pass fields of their own, so only what is almost one of our names is an error. */
function checkName(name: string): void {
  const meant = misspelled(name, OURS)
  if (meant !== undefined) throw new OptionError(name, `A query has no option ${name}. Did you mean ${meant}?`)
  if (harmless.size < MOST_HARMLESS) harmless.add(name)
}

function routeOf({ route }: RouteOptions): RouteOptions['route'] {
  if (route === undefined || route === 'primary') return route
  throw new OptionError(
    'route',
    `route is ${JSON.stringify(route)}; it can only be "primary". For a replica use pool.replica().`,
  )
}

function consistencyOf({ consistency }: RouteOptions): RouteOptions['consistency'] {
  if (consistency === undefined || isConsistency(consistency)) return consistency
  throw new OptionError('consistency', `consistency must be ${CONSISTENCIES}.`)
}

function signalOf({ signal }: RouteOptions): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw new OptionError('signal', 'signal must be an AbortSignal, such as AbortSignal.timeout(1_000).')
}

/** @throws OptionError for a value that is no number of milliseconds. */
export function timeoutOf({ timeoutMs }: Pick<RouteOptions, 'timeoutMs'>): number | undefined {
  if (timeoutMs === undefined || (Number.isFinite(timeoutMs) && timeoutMs >= 1 && timeoutMs < 2 ** 31)) return timeoutMs
  throw new OptionError('timeoutMs', 'timeoutMs must be a number of milliseconds from 1 to 2147483647.')
}
