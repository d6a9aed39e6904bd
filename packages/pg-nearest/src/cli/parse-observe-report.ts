import { isPlainObject } from '../error-messages/describe-value.ts'
import type { Forecast, ForecastRoute } from '../engine/observe-mode-report.ts'
import { UsageError } from '../cli-options/usage-error.ts'

/** The forecast in a pool's status, or by itself, as JSON that came from elsewhere. `undefined`: nothing was observed. */
export function parseForecast(text: string, source: string): Forecast | undefined {
  const value = parsed(text, source)
  const forecast = isPlainObject(value) && ('servers' in value || 'observed' in value) ? value['observed'] : value
  if (forecast === undefined || forecast === null) return undefined
  if (isForecast(forecast)) return forecast
  throw new UsageError(`${source} is neither pool.status() as JSON nor its "observed".`)
}

function parsed(text: string, source: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${source} holds no JSON: give what JSON.stringify(pool.status()) returns.`)
  }
}

function isForecast(value: unknown): value is Forecast {
  if (!isPlainObject(value)) return false
  const { proofs, routes } = value
  const isCounted = ['since', 'statements', 'onReplicas', 'tookMs', 'savedMs'].every((name) => isNumber(value[name]))
  const isProven = isPlainObject(proofs) && isNumber(proofs['held']) && isNumber(proofs['failed'])
  return isCounted && isProven && Array.isArray(routes) && routes.every(isRoute)
}

function isRoute(value: unknown): value is ForecastRoute {
  if (!isPlainObject(value)) return false
  const { server, reason, statements, savedMs } = value
  return isPrintable(server) && isPrintable(reason) && isNumber(statements) && isNumber(savedMs)
}

/** It is shown on a terminal. */
function isPrintable(value: unknown): value is string {
  return typeof value === 'string' && /^\P{C}{1,200}$/u.test(value)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** Those of several processes, as one. */
export function sumOf(forecasts: readonly Forecast[]): Forecast | undefined {
  const [first, ...others] = forecasts
  return first && others.reduce(added, first)
}

function added(a: Forecast, b: Forecast): Forecast {
  const routes = new Map(a.routes.map((route) => [`${route.server} ${route.reason}`, route]))
  for (const route of b.routes) {
    const key = `${route.server} ${route.reason}`
    const { statements = 0, savedMs = 0 } = routes.get(key) ?? {}
    routes.set(key, { ...route, statements: statements + route.statements, savedMs: savedMs + route.savedMs })
  }
  return {
    since: Math.min(a.since, b.since),
    statements: a.statements + b.statements,
    onReplicas: a.onReplicas + b.onReplicas,
    proofs: { held: a.proofs.held + b.proofs.held, failed: a.proofs.failed + b.proofs.failed },
    tookMs: a.tookMs + b.tookMs,
    savedMs: a.savedMs + b.savedMs,
    routes: [...routes.values()].toSorted((x, y) => y.statements - x.statements),
  }
}
