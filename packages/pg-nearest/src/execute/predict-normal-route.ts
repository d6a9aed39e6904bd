import type { ObservedEvent, ObservedProof } from '../events/event-types.ts'
import type { RouteReason } from '../events/served-by.ts'
import { primaryRttMsOf, rttMsOf } from '../freshness/freshness-estimate.ts'
import { waitBudgetMs } from '../freshness/wait-budget.ts'
import { shadowRead } from '../freshness/shadow-read.ts'
import { planStatement } from '../route/plan-statement.ts'
import type { Request } from '../route/request.ts'
import type { Bookmark } from '../session/bookmark.ts'
import type { SessionState } from '../session/session-state.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import { ownSession, type Engine, type OwnSession, type Scope } from './engine-interface.ts'

/** Takes what statements would have done elsewhere, and remembers what sessions have written meanwhile. */
export interface Observer {
  note(event: ObservedEvent): void
  /** What each session has written, by its position; for one that was not heard of, what it began with. */
  readonly written: WeakMap<SessionState, Bookmark | undefined>
}

/** A statement that runs on the primary, and might have run elsewhere. */
export interface Observation {
  /** It has succeeded. */
  ended(): void
}

/** Where it would have run, and what that is worth. */
export interface Shadow {
  readonly server: string
  readonly reason: RouteReason
  readonly onReplica: boolean
  readonly proof: ObservedProof | Promise<ObservedProof>
}

/** Works out what `normal` would do with a statement. To be called before it runs, in the async context of its caller. */
export function predictNormalRoute(engine: Engine, scope: Scope, request: Request): Observation {
  const own = ownSession(engine, scope)
  const shadow = shadowOf(engine, scope, request, own)
  const startedAt = performance.now()
  return {
    ended() {
      noteWritten(engine, own, shadow)
      tellShadow(engine, request.config.text, shadow, performance.now() - startedAt)
    },
  }
}

/** Tells what would have become of a statement, as soon as that is known. */
export function tellShadow(engine: Engine, text: string, shadow: Shadow | undefined, tookMs: number): void {
  if (shadow === undefined) return
  const tell = (proof: ObservedProof): void => engine.observer.note(outcomeOf(engine, shadow, proof, { text, tookMs }))
  if (typeof shadow.proof === 'string') return tell(shadow.proof)
  void shadow.proof.then(tell, () => tell('failed'))
}

function outcomeOf(
  engine: Engine,
  { server, reason, onReplica }: Shadow,
  proof: ObservedProof,
  took: Pick<ObservedEvent, 'text' | 'tookMs'>,
): ObservedEvent {
  const there = rttMsOf(engine, server) ?? 0
  const primaryMs = primaryRttMsOf(engine) ?? there
  if (proof !== 'failed') {
    const savedMs = onReplica ? Math.min(took.tookMs, primaryMs - there) : 0
    return { ...took, server, region: engine.stateOf(server)?.region, reason, proof, savedMs }
  }
  // It would have been asked for nothing, and waited for.
  const savedMs = -(there + waitBudgetMs(primaryMs, there))
  const [primary] = writeOrder(engine.topology)
  return { ...took, server: primary?.name ?? server, region: primary?.region, reason: 'lagging', proof, savedMs }
}

/** Where a statement outside of a transaction would have run. */
export function shadowOf(engine: Engine, { instead }: Scope, request: Request, own: OwnSession): Shadow | undefined {
  if (instead === undefined) return undefined
  const { reads, attempts } = planStatement(engine, instead, request)
  const [first] = attempts
  const session = own ?? engine.process
  if (!reads || session === undefined) return first && { ...first, onReplica: false, proof: 'unneeded' }
  const { written } = engine.observer
  if (!written.has(session)) written.set(session, session.bookmark)
  const consistency = request.consistency ?? own?.consistency ?? engine.consistency
  const { attempt, shows, proven } = shadowRead(engine, session, written.get(session), consistency, attempts)
  if (attempt === undefined) return undefined
  const onReplica = engine.stateOf(attempt.server)?.role === 'replica'
  const proof = typeof shows === 'boolean' ? proofOf(shows, proven) : shows.then((held) => proofOf(held, proven))
  return { server: attempt.server, reason: attempt.reason, onReplica, proof }
}

function proofOf(shows: boolean, proven: boolean): ObservedProof {
  if (!shows) return 'failed'
  return proven ? 'held' : 'unneeded'
}

/** What a session has written counts from now on, and what it has seen on the primary does not. */
export function noteWritten({ observer, process }: Engine, own: OwnSession, shadow: Shadow | undefined): void {
  const session = own ?? process
  if (session !== undefined && shadow?.onReplica !== true) observer.written.set(session, session.bookmark)
}
