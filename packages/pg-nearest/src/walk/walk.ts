import { steadyNow } from '../sleep-aware-clock.ts'
import { joinSignals } from '../limits/joined-signal.ts'
import { onAbort } from '../limits/on-abort.ts'
import { pause } from '../limits/retry-backoff.ts'
import { arrivalAt } from '../events/served-by.ts'
import type { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import { provesWrite } from '../route/failure-meaning.ts'
import type { Attempt } from '../route/plan-servers.ts'
import type { AttemptEnd, Execution, Turn } from './execution-types.ts'
import { failedAttempts, walkError } from './walk-error.ts'
import { detourReason, showsPrimaryOnly } from '../walk-states/detour-reason.ts'
import { admit, nextStep, type WalkCommand, type WalkEvent } from '../walk-states/walk-state-machine.ts'
import { beginWalk, type WalkState } from '../walk-states/walk-state.ts'

/**
 * Tries the plan's servers in turn until one runs the statement. The plan decides where to go, and `nextStep` what to do next.
 *
 * @throws pg's `DatabaseError` when the statement itself is at fault.
 * @throws `OutcomeUnknownError` when the connection died and the statement may have written.
 * @throws `NoServerError` when no server could run it.
 * @throws the signal's reason when it is aborted.
 */
export function walk<R, T>(execution: Execution<R, T>): Promise<T> {
  return new Promise((resolve, reject) => walkInto(execution, resolve, reject))
}

/** The same with callbacks. Never throws. */
export function walkInto<R, T>(
  execution: Execution<R, T>,
  resolve: (result: T) => void,
  reject: (error: unknown) => void,
): void {
  try {
    new Walk(execution, resolve, reject).start()
  } catch (error) {
    reject(error)
  }
}

/** Carries out the commands of `nextStep`, and reports their outcomes to it. */
class Walk<R, T> {
  readonly #execution: Execution<R, T>
  readonly #resolve: (result: T) => void
  readonly #reject: (error: unknown) => void
  #state: WalkState
  /** The list that the latest plan was made by. */
  #list: number
  /** The result of the attempt that succeeded. */
  #result: { readonly result: R; readonly standby: boolean } | undefined
  /** One for each leg, if it may be hedged. */
  #abandons: readonly AbortController[] | undefined
  #failedAt = 0
  #failingSince: number | undefined
  #hedgeTimer: NodeJS.Timeout | undefined
  #forgetAbort: (() => void) | undefined

  constructor(execution: Execution<R, T>, resolve: (result: T) => void, reject: (error: unknown) => void) {
    this.#execution = execution
    this.#resolve = resolve
    this.#reject = reject
    this.#list = execution.lists
    this.#state = beginWalk(execution.facts, execution.attempts)
  }

  start(): void {
    const { signal } = this.#execution
    if (signal?.aborted === true) return this.#take({ kind: 'cut', error: signal.reason })
    this.#hedgeLater()
    this.#take({ kind: 'begun', mayWait: this.#state.legs[0]?.left.length === 0 && this.#execution.mayAwaitPrimary() })
  }

  #take(event: WalkEvent): void {
    const [state, commands] = nextStep(this.#state, event)
    this.#state = state
    for (const command of commands) this.#do(command)
  }

  #do(command: WalkCommand): void {
    switch (command.kind) {
      case 'try':
        if (command.resends !== undefined && !this.#execution.engine.budget.withdraw(command.resends)) {
          return this.#take({ kind: 'no-budget', leg: command.leg })
        }
        return this.#try(command.leg, command.attempt)
      case 'catch-up':
        return this.#settling(this.#catchUp(command.leg, command.behind))
      case 'wait':
        return this.#settling(this.#awaitPrimary(command.round))
      case 'abandon':
        return this.#abandons?.[command.leg]?.abort()
      case 'succeed':
        return this.#succeed(command.leg)
      case 'fail': {
        this.#leave()
        const execution = this.#execution
        const { text, facts } = execution
        const { failures } = this.#state.history
        const [candidates, list] = [execution.candidates(), execution.listState()]
        return this.#reject(walkError(command.failure, failures, candidates, text, facts.readOnly, list))
      }
    }
  }

  /** A bug here must not leave the caller waiting. */
  #settling(work: Promise<void>): void {
    work.catch((error: unknown) => this.#breakOff(error))
  }

  #breakOff(error: unknown): void {
    this.#leave()
    this.#reject(error)
  }

  #try(leg: number, attempt: Attempt): void {
    const { signal } = this.#abandons?.[leg] ?? this.#execution
    try {
      this.#execution.attempt(attempt, new WalkTurn(this, leg, attempt), signal)
    } catch (error) {
      this.#breakOff(error)
    }
  }

  hasNext(leg: number): boolean {
    return (this.#state.legs[leg]?.left.length ?? 0) > 0
  }

  admit(leg: number, provenStandby: boolean): 'as-is' | 'read-only' | 'no' {
    const [state, verdict] = admit(this.#state, leg, provenStandby)
    this.#state = state
    return verdict
  }

  end(leg: number, attempt: Attempt, end: AttemptEnd<R>): void {
    if (this.#state.over) return
    try {
      this.#take(this.#eventOf(leg, attempt, end))
    } catch (error) {
      this.#breakOff(error)
    }
  }

  #eventOf(leg: number, attempt: Attempt, end: AttemptEnd<R>): WalkEvent {
    const execution = this.#execution
    switch (end.kind) {
      case 'result':
        this.#result = end
        return { kind: 'succeeded', leg }
      case 'cut':
        return end
      case 'not-admitted':
        return { kind: 'not-admitted', leg, mayWait: execution.mayAwaitPrimary() }
      case 'replan':
        return {
          kind: 'replanned',
          leg,
          attempts: this.#replan(),
          mayWait: execution.mayAwaitPrimary(),
          unlisted: end.unlisted === true,
        }
      case 'failed': {
        this.#failedAt = steadyNow()
        this.#failingSince ??= performance.now()
        this.#tell(attempt.server, end)
        const { standby, forced } = end
        const beforeList = execution.listState() === 'awaited'
        const evidence = end.evidence.kind === 'no-connection' ? { ...end.evidence, beforeList } : end.evidence
        const mayWait = execution.mayAwaitPrimary()
        const relisted = this.#list === execution.engine.lists ? undefined : this.#replan()
        return { kind: 'failed', leg, standby, forced, evidence, primaries: execution.primaries(), relisted, mayWait }
      }
    }
  }

  #replan(): readonly Attempt[] {
    this.#list = this.#execution.engine.lists
    return this.#execution.replan()
  }

  /** Reports what a failure says about the server. Failures to connect are reported by the connections themselves. */
  #tell(server: string, { evidence, generation, forced }: Extract<AttemptEnd<R>, { kind: 'failed' }>): void {
    const { facts, engine } = this.#execution
    if (generation === undefined) return
    const { kind, error } = evidence
    if (evidence.kind === 'lost' && evidence.ofAnswer !== true)
      engine.report({ server, generation, sign: 'lost', error })
    if (kind === 'standby' || kind === 'misled') engine.report({ server, generation, sign: 'role', error })
    if (kind !== 'answered' || facts.readOnly || forced || !provesWrite(error)) return
    this.#execution.learn()
    engine.report({ server, generation, sign: 'role', error })
  }

  async #catchUp(leg: number, behind: ReplicaBehindError): Promise<void> {
    const { signal } = this.#execution
    const forget = signal && onAbort(signal, () => this.#take({ kind: 'cut', error: signal.reason }))
    const yes = await this.#execution.waitToCatchUp(behind)
    forget?.()
    this.#take({ kind: 'caught-up', leg, yes, mayWait: this.#execution.mayAwaitPrimary() })
  }

  async #awaitPrimary(round: number): Promise<void> {
    const execution = this.#execution
    const refused = new AbortController()
    execution.onWait?.({ refuse: (error) => refused.abort(error) })
    const { signal = refused.signal, forget } = joinSignals(execution.signal, refused.signal)
    let found = false
    try {
      await pause(round, signal)
      const waitedMs = performance.now() - (this.#failingSince ?? performance.now())
      found = !signal.aborted && (await execution.waitForWriter(this.#failedAt, waitedMs, signal))
    } finally {
      forget()
    }
    if (signal.aborted) return this.#take({ kind: 'cut', error: signal.reason })
    this.#take({ kind: 'waited', attempts: found ? this.#replan() : undefined })
  }

  /** Gives each leg its own signal, so that the loser can be cancelled alone. */
  #hedgeLater(): void {
    const execution = this.#execution
    const plan = execution.hedge?.()
    if (plan === undefined) return
    const abandons = [new AbortController(), new AbortController()]
    this.#abandons = abandons
    const { signal } = execution
    if (signal !== undefined) {
      this.#forgetAbort = onAbort(signal, () => abandons.forEach((each) => each.abort(signal.reason)))
    }
    this.#hedgeTimer = setTimeout(() => {
      if (this.#state.over || !plan.take()) return
      this.#take({ kind: 'slow', attempts: plan.attempts() })
    }, plan.afterMs)
  }

  #succeed(leg: number): void {
    this.#leave()
    const attempt = this.#state.legs[leg]?.at
    if (this.#result === undefined || attempt === undefined) throw new Error('A walk succeeds with a result')
    const { result, standby } = this.#result
    if (showsPrimaryOnly(this.#state, standby)) this.#execution.learn()
    const { server, reason: planned } = attempt
    const reason = planned === 'unproven' ? planned : (detourReason(this.#state, leg) ?? planned)
    if (reason === 'schema-lag') this.#execution.engine.budget.refund('lag')
    const attempts = (this.#state.legs[leg]?.failures ?? 0) + 1
    const arrival = arrivalAt(server, reason, standby, attempts)
    const { failures } = this.#state.history
    const told = failures.length === 0 ? arrival : { ...arrival, failed: failedAttempts(failures) }
    this.#resolve(this.#execution.succeeded(result, told))
  }

  #leave(): void {
    clearTimeout(this.#hedgeTimer)
    this.#forgetAbort?.()
  }
}

class WalkTurn<R, T> implements Turn<R> {
  readonly #walk: Walk<R, T>
  readonly #leg: number
  readonly #attempt: Attempt

  constructor(walked: Walk<R, T>, leg: number, attempt: Attempt) {
    this.#walk = walked
    this.#leg = leg
    this.#attempt = attempt
  }

  get hasNext(): boolean {
    return this.#walk.hasNext(this.#leg)
  }

  admit(provenStandby: boolean): 'as-is' | 'read-only' | 'no' {
    return this.#walk.admit(this.#leg, provenStandby)
  }

  end(end: AttemptEnd<R>): void {
    this.#walk.end(this.#leg, this.#attempt, end)
  }
}
