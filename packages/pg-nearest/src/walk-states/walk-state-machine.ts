import type { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import type { RetryReason } from '../limits/retry-budget.ts'
import { isLag, isTransient, isWriteRefused, meaningOf, type Evidence } from '../route/failure-meaning.ts'
import type { Attempt } from '../route/plan-servers.ts'
import { SAME_SERVER_RETRIES, withAnother } from './same-server-retries.ts'
import { asOver, legOn, withHistory, withLeg, withLegs, withWriter, type Leg, type WalkState } from './walk-state.ts'

/** What can happen during a walk. */
export type WalkEvent =
  | { readonly kind: 'begun'; readonly mayWait: boolean }
  | { readonly kind: 'succeeded'; readonly leg: number }
  | {
      readonly kind: 'failed'
      readonly leg: number
      readonly standby: boolean
      /** It was sent READ ONLY, because another attempt may have written, or because the server gets no writes. */
      readonly forced: boolean
      readonly evidence: Evidence
      /** Where to go if a standby could not run it. */
      readonly primaries: readonly Attempt[]
      /** A new plan, if the list of servers has changed since the latest. */
      readonly relisted?: readonly Attempt[] | undefined
      /** Whether to wait for a primary if no server is left. */
      readonly mayWait: boolean
    }
  | { readonly kind: 'not-admitted'; readonly leg: number; readonly mayWait: boolean }
  | {
      readonly kind: 'replanned'
      readonly leg: number
      readonly attempts: readonly Attempt[]
      readonly mayWait: boolean
      /** Its server has left the list. */
      readonly unlisted: boolean
    }
  | { readonly kind: 'caught-up'; readonly leg: number; readonly yes: boolean; readonly mayWait: boolean }
  | { readonly kind: 'no-budget'; readonly leg: number }
  /** `undefined`: no primary was found in time. */
  | { readonly kind: 'waited'; readonly attempts: readonly Attempt[] | undefined }
  | { readonly kind: 'slow'; readonly attempts: readonly Attempt[] }
  | { readonly kind: 'cut'; readonly error: unknown }

/** What to do next. */
export type WalkCommand =
  /** `resends`: it has been sent before, for nothing, so this counts against the retry budget. */
  | { readonly kind: 'try'; readonly leg: number; readonly attempt: Attempt; readonly resends: RetryReason | undefined }
  | { readonly kind: 'catch-up'; readonly leg: number; readonly behind: ReplicaBehindError }
  | { readonly kind: 'wait'; readonly round: number }
  | { readonly kind: 'abandon'; readonly leg: number }
  | { readonly kind: 'succeed'; readonly leg: number }
  | { readonly kind: 'fail'; readonly failure: WalkEnd }

/** Why it failed for good. */
export type WalkEnd =
  /** The error belongs to the caller. */
  | { readonly kind: 'error'; readonly server: string; readonly standby: boolean; readonly evidence: Evidence }
  | { readonly kind: 'cut'; readonly error: unknown }
  | { readonly kind: 'unknown'; readonly server: string; readonly error: unknown }
  /** A standby refused it, and there is no primary to ask. */
  | { readonly kind: 'refused'; readonly error: unknown }
  | { readonly kind: 'nobody'; readonly gaveUp: 'nobody-left' | 'no-primary' | 'budget' }

export type WalkStep = readonly [WalkState, readonly WalkCommand[]]

/** A bound for rounds of waiting for a primary, reached only if servers keep coming and going. */
const MOST_ROUNDS = 1_000

/**
 * Returns the next state and what to do. Pure and total. Every walk ends: each event uses up something (attempts, retries, rounds),
 * only `waited` replenishes the attempts, and there are at most {@link MOST_ROUNDS} of those.
 */
export function nextStep(state: WalkState, event: WalkEvent): WalkStep {
  if (state.over) return [state, []]
  switch (event.kind) {
    case 'begun':
      return advance(state, 0, { resends: undefined, mayWait: event.mayWait })
    case 'succeeded':
      return end(state, { kind: 'succeed', leg: event.leg }, event.leg)
    case 'cut':
      return end(state, { kind: 'fail', failure: event })
    case 'no-budget':
      return endLeg(state, event.leg, laggingError(state) ?? { kind: 'nobody', gaveUp: 'budget' })
    case 'not-admitted':
      return advance(state, event.leg, { resends: undefined, mayWait: event.mayWait })
    case 'replanned':
      return replan(state, event)
    case 'caught-up':
      return afterWait(state, event)
    case 'waited':
      if (event.attempts === undefined) return endLeg(state, 0, { kind: 'nobody', gaveUp: 'no-primary' })
      return advance(onNewPlan(state, event.attempts), 0, { resends: undefined, mayWait: true })
    case 'slow':
      return hedge(state, event.attempts)
    case 'failed':
      return afterFailure(state, event)
  }
}

/**
 * Whether a leg may run the statement on a connection that it has taken: as it is, READ ONLY, or not at all. Over all legs and
 * servers, a statement runs where it could write at most once, unless that attempt is known to have had no effect.
 */
export function admit(
  state: WalkState,
  leg: number,
  provenStandby: boolean,
): readonly [WalkState, 'as-is' | 'read-only' | 'no'] {
  const { facts, writer } = state
  const { unknown, ran } = state.history
  if (state.over) return [state, 'no']
  if (facts.readOnly || facts.harmless) return [state, 'as-is']
  // A standby, too, may have been promoted a moment ago, and what writes must not run there a second time.
  const isFree = unknown === undefined && ran === undefined && (writer === undefined || writer === leg)
  if (!isFree) return [state, facts.reads ? 'read-only' : 'no']
  return [provenStandby ? state : withWriter(state, leg), 'as-is']
}

type Failed = Extract<WalkEvent, { kind: 'failed' }>

function afterFailure(stood: WalkState, event: Failed): WalkStep {
  const { leg, standby, forced, evidence, mayWait, relisted } = event
  const server = stood.legs[leg]?.at?.server
  if (server === undefined) return [stood, []]
  const before = noteWrites(relisted === undefined ? stood : onNewList(stood, leg, server, relisted), evidence)
  const { facts, history } = before
  const readOnly = facts.readOnly || forced
  const meaning = meaningOf(evidence, {
    standby,
    // Once: a primary that takes no writes is an error, and not a loop.
    mayAskRoles: mayWait && stood.history.rounds === 0,
    readOnly,
    reads: facts.reads,
    harmless: facts.harmless,
    mayCommitInside: facts.mayCommitInside,
    regional: facts.regional === true,
  })
  // It writes after all. Another attempt may have run it.
  if (forced && evidence.kind === 'answered' && isWriteRefused(evidence.error)) {
    const noted = note(before, leg, server, evidence)
    const doubt = doubtOf(noted)
    return doubt === undefined ? advance(noted, leg, NOTHING_HAPPENED) : fail(noted, doubt)
  }
  const another = meaning === 'again' ? withAnother(history, evidence) : undefined
  if (another !== undefined) {
    const resends = evidence.kind === 'answered' ? 'loss' : undefined
    return tryAgain(release(withHistory(before, another), leg), leg, resends)
  }
  if (evidence.kind === 'behind' && before.legs[leg]?.behind === undefined) {
    const waiting = release(noteRun(withLeg(before, leg, { behind: evidence }), event, server), leg)
    return [waiting, [{ kind: 'catch-up', leg, behind: evidence.error as ReplicaBehindError }]]
  }
  const state = noteRun(note(before, leg, server, evidence), event, server)
  const resends = evidence.kind === 'lost' ? 'loss' : undefined
  switch (meaning) {
    case 'fail':
      return failOrLeave(release(state, leg), leg, { kind: 'error', server, standby, evidence })
    case 'unknown':
      return afterUnknown(state, event, server)
    case 'primary': {
      const doubt = doubtOf(state)
      if (doubt !== undefined) return fail(state, doubt)
      const why = isLag(evidence.error) ? 'lag' : undefined
      return advance(toPrimaries(release(state, leg), event, server), leg, { resends: why, mayWait })
    }
    case 'again':
      if (evidence.kind !== 'answered') return advance(release(state, leg), leg, { resends, mayWait })
      return failOrLeave(release(state, leg), leg, { kind: 'error', server, standby, evidence })
    case 'next':
      return advance(release(state, leg), leg, { resends, mayWait })
  }
}

function afterWait(state: WalkState, { leg, yes, mayWait }: Extract<WalkEvent, { kind: 'caught-up' }>): WalkStep {
  if (yes) return tryAgain(state, leg, undefined)
  const { at, behind } = state.legs[leg] ?? {}
  if (at === undefined || behind === undefined) return [state, []]
  return advance(note(state, leg, at.server, behind), leg, { resends: undefined, mayWait })
}

/** Records a failure. The server is not tried again until there is a new plan. */
function note(state: WalkState, leg: number, server: string, evidence: Evidence): WalkState {
  const { failures, tried } = state.history
  const counted = withLeg(state, leg, { failures: (state.legs[leg]?.failures ?? 0) + 1 })
  return withHistory(counted, { failures: [...failures, { server, evidence }], tried: [...tried, server] })
}

/**
 * It was sent to a standby, which may have been promoted a moment ago, or has run where it may have written. A read goes on, but READ ONLY
 * wherever it could write.
 */
function noteRun(state: WalkState, { evidence, forced }: Failed, server: string): WalkState {
  const { readOnly, harmless } = state.facts
  const hasRun = evidence.kind === 'lost' || (evidence.kind === 'behind' && evidence.mayHaveWritten === true)
  if (!hasRun || readOnly || harmless || forced || state.history.ran !== undefined) return state
  const callsFunction = evidence.kind === 'behind' && evidence.callsFunction === true
  return withHistory(state, { ran: { server, error: evidence.error, callsFunction } })
}

function noteWrites(state: WalkState, { kind, error }: Evidence): WalkState {
  return kind === 'answered' && isWriteRefused(error) ? withHistory(state, { writes: true }) : state
}

/** The leg's attempt is known to have had no effect, so another leg may run it where it could write. */
function release(state: WalkState, leg: number): WalkState {
  return state.writer === leg ? withWriter(state, undefined) : state
}

function toPrimaries(state: WalkState, { leg, evidence, primaries }: Failed, server: string): WalkState {
  // The other leg may be asking it.
  const isAsked = (to: string): boolean => state.legs.some(({ at }, other) => other !== leg && at?.server === to)
  const { tried } = state.history
  const left = primaries.filter((primary) => !tried.includes(primary.server) && !isAsked(primary.server))
  return withHistory(withLeg(state, leg, { left }), { refusal: { server, error: evidence.error } })
}

/** A read can still be answered by a standby, or READ ONLY by a primary. */
function afterUnknown(before: WalkState, { leg, evidence, primaries, mayWait }: Failed, server: string): WalkStep {
  const { error } = evidence
  const state = withHistory(withWriter(before, undefined), { unknown: { server, error } })
  if (!state.facts.reads) return fail(state, { kind: 'unknown', server, error })
  const left = state.legs[leg]?.left ?? []
  const others = primaries.filter((primary) => !left.some((attempt) => attempt.server === primary.server))
  return advance(withLeg(state, leg, { left: [...left, ...others] }), leg, { resends: 'loss', mayWait })
}

interface Circumstance {
  readonly resends: RetryReason | undefined
  readonly mayWait: boolean
}

const NOTHING_HAPPENED: Circumstance = { resends: undefined, mayWait: false }

/** Starts the leg's next attempt, leaves it to the other leg, waits for a primary, or gives up. */
function advance(state: WalkState, leg: number, { resends, mayWait }: Circumstance): WalkStep {
  const its = state.legs[leg]
  const next = its?.left[0]
  if (its !== undefined && next !== undefined) {
    const { left, failures, behind } = its
    const trying: Leg = { at: next, left: left.slice(1), failures, behind }
    return [withLegs(state, state.legs.with(leg, trying)), [{ kind: 'try', leg, attempt: next, resends }]]
  }
  const ended = withLeg(state, leg, { at: undefined })
  if (ended.legs.some(({ at }) => at !== undefined)) return [ended, []]
  if (mayWait && mayGoBetter(ended) && ended.history.rounds < MOST_ROUNDS) {
    const round = ended.history.rounds + 1
    return [withHistory(ended, { rounds: round }), [{ kind: 'wait', round }]]
  }
  return giveUp(ended)
}

/** Every failure may pass by itself, and repeating the statement is safe. */
function mayGoBetter({ facts, history: { failures, unknown } }: WalkState): boolean {
  return failures.every(({ evidence }) => isTransient(evidence)) && (unknown === undefined || facts.reads)
}

function giveUp(state: WalkState): WalkStep {
  const { failures, refusal, rounds } = state.history
  const doubt = doubtOf(state)
  if (doubt !== undefined) return fail(state, doubt)
  const said = refusal !== undefined && failures.at(-1)?.evidence.error === refusal.error
  const refused: WalkEnd | undefined = said ? { kind: 'refused', error: refusal.error } : laggingError(state)
  if (refused !== undefined && rounds === 0) return fail(state, refused)
  return fail(state, { kind: 'nobody', gaveUp: rounds > 0 ? 'no-primary' : 'nobody-left' })
}

/** What a replica has said counts, if the primary that might know better cannot be asked. */
function laggingError({ history: { refusal } }: WalkState): WalkEnd | undefined {
  return refusal !== undefined && isLag(refusal.error) ? { kind: 'refused', error: refusal.error } : undefined
}

function tryAgain(state: WalkState, leg: number, resends: RetryReason | undefined): WalkStep {
  const attempt = state.legs[leg]?.at
  return attempt === undefined ? [state, []] : [state, [{ kind: 'try', leg, attempt, resends }]]
}

type Replanned = Extract<WalkEvent, { kind: 'replanned' }>

function replan(state: WalkState, { leg, attempts, mayWait, unlisted }: Replanned): WalkStep {
  const { mayReplan, lists } = state.history
  const left = unlisted ? lists > 0 : mayReplan
  const spent = unlisted ? { lists: lists - 1 } : { mayReplan: false }
  const planned = left ? withLeg(withHistory(state, spent), leg, { left: attempts }) : state
  return advance(planned, leg, { resends: undefined, mayWait })
}

/** What has failed comes last: it may be another server under its name. */
function onNewList(state: WalkState, leg: number, server: string, attempts: readonly Attempt[]): WalkState {
  const { lists, tried } = state.history
  if (lists === 0) return state
  const [again, untried] = [true, false].map((wanted) =>
    attempts.filter((each) => (each.server === server || tried.includes(each.server)) === wanted),
  ) as [Attempt[], Attempt[]]
  return withLeg(withHistory(state, { lists: lists - 1 }), leg, { left: [...untried, ...again] })
}

/** A primary has come. */
function onNewPlan(state: WalkState, attempts: readonly Attempt[]): WalkState {
  const { redials } = SAME_SERVER_RETRIES
  return withHistory(withLegs(state, [legOn(attempts)]), { tried: [], redials })
}

/** Starts a second leg, on servers that the first is not using. */
function hedge(state: WalkState, attempts: readonly Attempt[]): WalkStep {
  const busy = state.legs.flatMap(({ at }) => at?.server ?? [])
  const left = attempts.filter(({ server }) => !busy.includes(server))
  if (state.legs.length > 1 || left.length === 0 || busy.length === 0) return [state, []]
  const leg = state.legs.length
  return advance(withLegs(state, [...state.legs, legOn(left)]), leg, NOTHING_HAPPENED)
}

/** A server's answer ends the walk. A leg that got no connection leaves it to the other leg. */
function failOrLeave(state: WalkState, leg: number, failure: Extract<WalkEnd, { kind: 'error' }>): WalkStep {
  if (failure.evidence.kind === 'no-connection') return endLeg(state, leg, failure)
  return fail(state, doubtOf(state) ?? failure)
}

/** Ends the leg, and the walk if there is no other leg. */
function endLeg(state: WalkState, leg: number, failure: WalkEnd): WalkStep {
  const ended = withLeg(state, leg, { at: undefined, left: [] })
  if (ended.legs.some(({ at }) => at !== undefined)) return [ended, []]
  return fail(ended, doubtOf(ended) ?? failure)
}

/** It may have written, so any other end than a result is of unknown outcome. */
function doubtOf({ facts, history: { unknown, ran, writes } }: WalkState): WalkEnd | undefined {
  const doubt = unknown ?? (writes || !facts.reads || ran?.callsFunction === true ? ran : undefined)
  return doubt && { kind: 'unknown', server: doubt.server, error: doubt.error }
}

function fail(state: WalkState, failure: WalkEnd): WalkStep {
  return end(state, { kind: 'fail', failure })
}

/** Ends the walk, and abandons all legs but the winner. */
function end(state: WalkState, command: WalkCommand, winner?: number): WalkStep {
  if (state.legs.length === 1 && winner === 0) return [asOver(state), [command]]
  const abandoned = state.legs.flatMap(({ at }, leg): WalkCommand[] =>
    at === undefined || leg === winner ? [] : [{ kind: 'abandon', leg }],
  )
  return [asOver(state), [...abandoned, command]]
}
