import type { Evidence } from '../route/failure-meaning.ts'
import type { Attempt } from '../route/plan-servers.ts'
import { SAME_SERVER_RETRIES, type SameServerRetries } from './same-server-retries.ts'

/** What stays the same throughout a walk. */
export interface WalkFacts {
  /** The text looks like a read. */
  readonly reads: boolean
  /** Writes are refused wherever it runs, so a standby's refusal is final. */
  readonly readOnly: boolean
  /** The caller wants this region's answer, so that a replica's error stands. Default false. */
  readonly regional?: boolean
  /** It has no effect that outlives its connection, like BEGIN. */
  readonly harmless: boolean
  /** If it fails, a part of it may have been committed. */
  readonly mayCommitInside: boolean
}

/** One sequence of attempts. A slow read that is hedged has two. */
export interface Leg {
  /** Where it is being tried; `undefined` once the leg has ended. */
  readonly at: Attempt | undefined
  readonly left: readonly Attempt[]
  readonly failures: number
  /** A server was found behind and has been waited for, which happens once in each leg. */
  readonly behind: Evidence | undefined
}

export interface WalkFailure {
  readonly server: string
  readonly evidence: Evidence
}

/** The state of a walk. Immutable: each event leads to a new one. */
export interface WalkState {
  readonly facts: WalkFacts
  readonly legs: readonly Leg[]
  /** The only leg that may run it where it could write. */
  readonly writer: number | undefined
  /** Apart, because most walks are over before anything belongs there, and each event copies the rest. */
  readonly history: WalkHistory
  readonly over: boolean
}

/** What has gone wrong so far, and what may still be done about it. */
export interface WalkHistory extends SameServerRetries {
  readonly failures: readonly WalkFailure[]
  /** Servers that have failed since the latest plan. */
  readonly tried: readonly string[]
  /** A standby's refusal. */
  readonly refusal: { readonly server: string; readonly error: unknown } | undefined
  /** It may have written there, so it must not run again where it could write. */
  readonly unknown: { readonly server: string; readonly error: unknown } | undefined
  /** Where it ran, and may have written: if it turns out to write, or calls a function that may, its outcome is `unknown` unless it is answered. */
  readonly ran: { readonly server: string; readonly error: unknown; readonly callsFunction: boolean } | undefined
  /** A server has refused it because it writes, whatever its text looks like. */
  readonly writes: boolean
  /** It may be planned once more because what it was planned by has changed. */
  readonly mayReplan: boolean
  /** How many more changes of the list it follows. */
  readonly lists: number
  /** How often it has waited for a primary. */
  readonly rounds: number
}

const NOTHING_WRONG: WalkHistory = {
  failures: [],
  tried: [],
  refusal: undefined,
  unknown: undefined,
  ran: undefined,
  writes: false,
  ...SAME_SERVER_RETRIES,
  mayReplan: true,
  // A bound for lists that keep changing.
  lists: 100,
  rounds: 0,
}

export function beginWalk(facts: WalkFacts, attempts: readonly Attempt[]): WalkState {
  return { facts, legs: [legOn(attempts)], writer: undefined, history: NOTHING_WRONG, over: false }
}

export function legOn(attempts: readonly Attempt[]): Leg {
  return { at: undefined, left: attempts, failures: 0, behind: undefined }
}

// Written out where a walk without failures comes along, because a spread is measurable on short reads.

export function withLegs({ facts, writer, history, over }: WalkState, legs: readonly Leg[]): WalkState {
  return { facts, legs, writer, history, over }
}

export function withWriter({ facts, legs, history, over }: WalkState, writer: number | undefined): WalkState {
  return { facts, legs, writer, history, over }
}

export function asOver({ facts, legs, writer, history }: WalkState): WalkState {
  return { facts, legs, writer, history, over: true }
}

export function withLeg(state: WalkState, at: number, change: Partial<Leg>): WalkState {
  const leg = state.legs[at]
  return leg === undefined ? state : withLegs(state, state.legs.with(at, { ...leg, ...change }))
}

export function withHistory(state: WalkState, change: Partial<WalkHistory>): WalkState {
  return { ...state, history: { ...state.history, ...change } }
}
