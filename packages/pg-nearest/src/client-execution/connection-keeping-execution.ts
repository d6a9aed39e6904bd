import type { Lease } from '../pooled-connection/lease.ts'
import { FREE_GATE, type ClaimGate } from '../session-positions/external-bookmark-gate.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import { isMisled, waitingPreference } from '../freshness/backend-preference.ts'
import { notSent, type Cut, type LimitedEnd } from '../send/run-with-cancellation.ts'
import type { AttemptEnd, Execution, Turn } from '../walk/execution-types.ts'
import { mayAwaitPrimary } from '../execute/may-await-primary.ts'
import { awaitBookmarkClaim } from '../walk/await-bookmark-claim.ts'
import { candidatesOf } from '../failures/no-server-error.ts'
import type { WalkFacts } from '../walk-states/walk-state.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import { planFallback, type Attempt } from '../route/plan-servers.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import type { Boarding } from '../client-state/held-connection.ts'

/** How something ended on the held connection. */
export type HeldRunEnd<R> = { readonly kind: 'result'; readonly result: R } | Evidence | Cut

/** How something follows what its session learns on the way. */
export interface Planning {
  /** See {@link ClaimGate}. */
  enterPrimary(server: string): ClaimGate
  /** What it must show. */
  check?(): FreshnessCheck | undefined
  /** A new plan, after what it was planned by has changed. */
  replan(): readonly Attempt[]
}

export interface HeldOptions<R, T> {
  readonly facts: WalkFacts
  readonly text: string
  readonly signal: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  /** Whether a standby's refusal shows that the text writes. */
  readonly learns: boolean
  /** Whether it is worth waiting for a primary. Default: as for any statement. */
  readonly mayWait?: boolean
  /** For what reads. */
  readonly planning?: Planning | undefined
  /** Of what may write. */
  readonly check?: FreshnessCheck | undefined
  /** How it may share a connection this time, instead of holding one. `onEnd` gets `undefined` if it must hold one after all. */
  board?(attempt: Attempt, onEnd: (end: AttemptEnd<R> | undefined) => void): Boarding | undefined
  /** Runs it on the connection that the client holds now. `forced`: READ ONLY. */
  run(lease: Lease, attempt: Attempt, forced: boolean): Promise<HeldRunEnd<R>>
  waitToCatchUp?: Execution<R, T>['waitToCatchUp']
  succeeded: Execution<R, T>['succeeded']
}

/** What was answered may have left a transaction open. If the connection has died since, the next statement must find that out. */
const ANSWERED: ReadonlySet<HeldRunEnd<unknown>['kind']> = new Set(['result', 'answered', 'unreadable'])

/** An execution for `walk` that leaves the client holding the connection on which it ends. */
export function borrowedClientExecution<R, T>(client: ClientContext, options: HeldOptions<R, T>): Execution<R, T> {
  const { engine, scope, held } = client
  const { facts, text, signal, learns } = options
  const planning = options.planning ?? onPrimaries(client, options.check)
  engine.budget.deposit()
  const attempt = async (to: Attempt, turn: Turn<R>): Promise<AttemptEnd<R>> => {
    const before = endOfLost(client)
    if (before !== undefined) return before
    let lease: Lease | undefined
    let shared: Promise<AttemptEnd<R> | undefined> | undefined
    try {
      const preference = (): ReturnType<typeof waitingPreference> => waitingPreference(engine, to, planning.check?.())
      let boarding: Boarding | undefined
      shared = options.board && new Promise((resolve) => (boarding = options.board?.(to, resolve)))
      lease = await held.take(to.server, signal, preference, facts.reads && turn.hasNext, boarding)
    } catch (error) {
      return endOfLost(client) ?? notSent(error, signal)
    }
    if (lease === undefined) {
      const end = await shared
      planning.check?.()?.emitLosses()
      return end ?? attempt(to, turn)
    }
    // The client was released with an error, or aborted, or its session has heard of another primary, while it waited for the connection.
    const isKept = planning.check?.()?.keepsFrom(to.server) === true
    const meanwhile = endOfLost(client) ?? (isKept ? ({ kind: 'replan' } as const) : undefined)
    if (meanwhile !== undefined) {
      held.letGo()
      return meanwhile
    }
    if (isMisled(engine, to, lease)) {
      const { generation } = lease
      return { kind: 'failed', evidence: held.letGoMisled(), standby: true, forced: false, generation }
    }
    const { restricted } = client
    // It gets no writes any more.
    if (restricted && !facts.reads && !client.neverWrites) return { kind: 'replan' }
    const verdict = turn.admit(lease.provenStandby || restricted)
    if (verdict === 'no') return { kind: 'not-admitted' }
    const forced = verdict === 'read-only' || restricted
    const { standby, generation } = lease
    const { settings } = held
    if (settings?.areMadeOn(lease) === false) {
      const failed = await settings.makeOn(lease, { signal, timeoutMs: engine.queryTimeoutMs })
      const lost = endOfLost(client) ?? asAttemptEnd(failed, { standby, generation })
      if (lost !== undefined) {
        held.letGo(!lease.alive)
        return lost
      }
    }
    const end = await options.run(lease, to, forced)
    if (!lease.alive && !ANSWERED.has(end.kind)) held.letGo(true)
    if (end.kind === 'result') return { kind: 'result', result: end.result, standby: lease.standby }
    if (end.kind === 'cut') return end
    return { kind: 'failed', evidence: end, standby, forced, generation }
  }
  return {
    engine,
    facts,
    text,
    signal,
    attempts: options.attempts,
    lists: engine.lists,
    attempt: (to, turn, ofWalk) => {
      const gate = planning.enterPrimary(to.server)
      if (gate.kind === 'asking') held.letGoToWait()
      const run = (inside: Turn<R>): void => {
        attempt(to, inside).then(
          (end) => inside.end(end),
          (error: unknown) => inside.end({ kind: 'cut', error }),
        )
      }
      awaitBookmarkClaim(gate, ofWalk, turn, run, () => endOfLost(client))
    },
    mayAwaitPrimary: () => options.mayWait !== false && mayAwaitPrimary(engine, scope, facts.reads),
    replan: () => planning.replan(),
    primaries: () => planFallback(engine.topology, scope.target),
    waitToCatchUp: options.waitToCatchUp ?? (() => Promise.resolve(false)),
    learn: () => {
      if (learns) engine.statements.learnWrite(text)
    },
    succeeded: options.succeeded,
    onWait: held.onWait,
    waitForWriter: (since, waitedMs, ofCall) => engine.waitForWriter(since, waitedMs, ofCall),
    candidates: () => candidatesOf(engine.topology),
    listState: () => engine.list,
  }
}

function endOfLost(client: ClientContext): { readonly kind: 'cut'; readonly error: unknown } | undefined {
  client.noteLostReliance()
  const { state } = client
  return state.kind === 'lost' ? { kind: 'cut', error: state.error } : undefined
}

/** What was to run has not been sent: where the connection has died, it can run elsewhere. */
function asAttemptEnd(
  failed: Exclude<LimitedEnd<StatementEnd>, { readonly kind: 'result' }> | undefined,
  of: { readonly standby: boolean; readonly generation: number },
): Extract<AttemptEnd<never>, { kind: 'cut' | 'failed' }> | undefined {
  if (failed === undefined) return undefined
  const error = failed.kind === 'skipped' ? new Error('The setting was skipped') : failed.error
  if (failed.kind !== 'unsent' && failed.kind !== 'lost') return { kind: 'cut', error }
  return { kind: 'failed', evidence: { kind: 'unsent', error }, forced: false, ...of }
}

function onPrimaries({ engine, scope }: ClientContext, check: FreshnessCheck | undefined): Planning {
  return {
    enterPrimary: (server) => check?.enterPrimary(server) ?? FREE_GATE,
    check: () => check,
    replan: () => planFallback(engine.topology, scope.target),
  }
}
