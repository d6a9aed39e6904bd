import type { ObservedEvent } from '../events/event-types.ts'
import type { RouteReason } from '../events/served-by.ts'
import type { Observer } from '../execute/predict-normal-route.ts'

/** Statements of one kind that were observed. */
export interface ForecastRoute {
  /** The server that would have run them, and why. */
  readonly server: string
  readonly region: string | undefined
  readonly reason: RouteReason
  readonly statements: number
  /** Milliseconds by which all their results together would have come sooner; below 0: later. */
  readonly savedMs: number
}

/** What `normal` would have made of what has run in the mode `observe`. */
export interface Forecast {
  /** When the first of them ended, in milliseconds since the epoch. */
  readonly since: number
  readonly statements: number
  /** How many of them a replica would have answered. */
  readonly onReplicas: number
  /** How many replicas would have proven to show what was needed, and how many not, so that the primary would have been asked after all. */
  readonly proofs: { readonly held: number; readonly failed: number }
  /** Milliseconds that they took, all together, and that they would have saved. */
  readonly tookMs: number
  readonly savedMs: number
  /** Those with the most statements first. */
  readonly routes: readonly ForecastRoute[]
}

/** @internal Adds up what is observed. */
export interface Forecaster extends Observer {
  /** `undefined` before anything was observed. */
  readonly forecast: Forecast | undefined
}

/** @internal @param isReplica - whether a server of this name answers as one now. */
export function createForecaster(
  isReplica: (server: string) => boolean,
  tell: (event: ObservedEvent) => void,
): Forecaster {
  const routes = new Map<string, ForecastRoute>()
  const proofs = { held: 0, failed: 0 }
  let since: number | undefined
  let statements = 0
  let onReplicas = 0
  let tookMs = 0
  let savedMs = 0
  return {
    written: new WeakMap(),
    note(event) {
      const { server, region, reason, proof } = event
      since ??= Date.now()
      statements++
      tookMs += event.tookMs
      savedMs += event.savedMs
      if (proof !== 'unneeded') proofs[proof]++
      if (proof !== 'failed' && isReplica(server)) onReplicas++
      const key = `${server} ${reason}`
      const before = routes.get(key)
      const total = { statements: (before?.statements ?? 0) + 1, savedMs: (before?.savedMs ?? 0) + event.savedMs }
      routes.set(key, { server, region, reason, ...total })
      tell(event)
    },
    get forecast() {
      if (since === undefined) return undefined
      const all = [...routes.values()].toSorted((a, b) => b.statements - a.statements)
      return { since, statements, onReplicas, proofs: { ...proofs }, tookMs, savedMs, routes: all }
    },
  }
}
