import type { RouteReason } from '../events/served-by.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import type { LearnedWrites } from '../statement/learned-writes.ts'
import type { Chooser } from '../server-selection/server-selection.ts'
import type { Topology } from '../topology/topology-types.ts'
import { surelyWrites } from '../statement/surely-writes.ts'
import { isReadOnlyByMode, type Narrowing } from './in-mode.ts'
import { isRegional, planPrimary, planRead, type Attempt } from './plan-servers.ts'
import type { Request } from './request.ts'

export interface StatementPlan {
  readonly need: StatementNeed
  /** The text looks like a read, and no standby has refused it. */
  readonly reads: boolean
  /** Nothing is to be sent, because the pool's mode lets nothing be written. */
  readonly refused: boolean
  readonly attempts: readonly Attempt[]
}

/** What is known about the servers and about texts. */
interface Knowledge {
  readonly topology: Topology
  readonly chooser: Chooser
  readonly statements: LearnedWrites
}

/** A query with a prepared statement's name and no text may be anything. */
const UNKNOWN: StatementNeed = { class: 'write' }

/**
 * What a statement outside of a transaction needs, and which servers to try, in order.
 *
 * @param isAnywhere - whether what is bound to its connection by its text may run wherever a read may.
 */
export function planStatement(
  engine: Knowledge,
  scope: Narrowing,
  request: Request,
  isAnywhere: (need: StatementNeed) => boolean = never,
): StatementPlan {
  const { text } = request.config
  const { need, learned } =
    typeof text === 'string' ? engine.statements.needOf(text) : { need: UNKNOWN, learned: false }
  const reads = !learned && (need.class === 'read' || need.transaction?.standbyCanBegin === true || isAnywhere(need))
  const refused = isReadOnlyByMode(scope) && need.class === 'write' && typeof text === 'string' && surelyWrites(text)
  return { need, reads, refused, attempts: attemptsFor(engine, scope, request, need, learned, reads) }
}

/** By its text, because a standby has refused it, or because it asks for the primary. */
export function isKnownToWrite(engine: Knowledge, scope: Narrowing, request: Request): boolean {
  return asksForPrimary(scope, request) || !planStatement(engine, scope, request).reads
}

/** Whatever its text says: it may have effects that no text shows. */
export function asksForPrimary({ target }: Narrowing, { route }: Pick<Request, 'route'>): boolean {
  return route === 'primary' || target.kind === 'primary'
}

function never(): boolean {
  return false
}

function attemptsFor(
  { topology, chooser }: Knowledge,
  { target }: Narrowing,
  request: Request,
  need: StatementNeed,
  learned: boolean,
  reads: boolean,
): readonly Attempt[] {
  if (request.route === 'primary') return planPrimary(topology, 'asked')
  if (isRegional(target) || target.kind === 'primary') return planRead(topology, target, chooser)
  if (!reads) return planPrimary(topology, learned ? 'learned-write' : reasonOf(need))
  const attempts = planRead(topology, target, chooser)
  return need.class === 'transaction' ? attempts.map((attempt) => ({ ...attempt, reason: 'transaction' })) : attempts
}

function reasonOf(need: StatementNeed): RouteReason {
  return need.class === 'read' ? 'asked' : need.class
}
