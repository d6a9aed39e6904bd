import type { Mode } from './pool-mode.ts'

/** Which sessions are in a mode. */
export interface ModeShare {
  /** The part of the sessions, from 0 to 1; with `routes`, of theirs. Default with `routes`: 1, all of them. */
  readonly share?: number | undefined
  /** Names of routes, as a session has them (`GET /reports/:id`). One with `*` at its end stands for all that begin like it. */
  readonly routes?: readonly string[] | undefined
}

/** Which part of the sessions, or which routes, are in another mode than the others. A number is a share. */
export type ModeShares = { readonly [M in Mode]?: number | ModeShare | undefined }

/** Which mode each session is in. */
export interface ModeSetting {
  /** Of the sessions that no share is for. */
  readonly mode: Mode
  readonly shares: readonly ParsedShare[]
}

export interface ParsedShare {
  readonly mode: Mode
  readonly share: number
  readonly routes: readonly string[] | undefined
}

/** What decides of a session's mode. It stays the same as long as the session. */
export interface ModeLot {
  /** From 0 up to, not including, 1. */
  readonly draw: number
  readonly route: string | undefined
}

/**
 * The mode of a session. What names its route counts first. A session stays in a share that grows, because the shares lie one behind the
 * other, always in the same order.
 */
export function modeOf({ mode, shares }: ModeSetting, { draw, route }: ModeLot): Mode {
  const named = shares.filter(({ routes }) => routes?.some((name) => covers(name, route)) === true)
  const candidates = named.length > 0 ? named : shares.filter(({ routes }) => routes === undefined)
  let end = 0
  for (const candidate of candidates) {
    end += candidate.share
    if (draw < end) return candidate.mode
  }
  return mode
}

function covers(name: string, route: string | undefined): boolean {
  if (route === undefined) return false
  return name.endsWith('*') ? route.startsWith(name.slice(0, -1)) : route === name
}

/** As the option `modes` says it. */
export function sharesOf({ shares }: ModeSetting): ModeShares {
  return Object.fromEntries(
    shares.map(({ mode, share, routes }) => [mode, routes === undefined ? share : { share, routes }]),
  )
}
