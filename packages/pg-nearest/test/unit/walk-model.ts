import { ReplicaBehindError } from '../../src/session-positions/replica-behind-error.ts'
import { isDemotion, isWriteRefused, meaningOf, type Evidence } from '../../src/route/failure-meaning.ts'
import type { Attempt } from '../../src/route/plan-servers.ts'
import { admit, nextStep, type WalkCommand, type WalkEvent } from '../../src/walk-states/walk-state-machine.ts'
import { beginWalk, type WalkFacts, type WalkState } from '../../src/walk-states/walk-state.ts'

/** What happens in one run is drawn from `choices`, over and over. */
export interface WalkProgram {
  readonly facts: WalkFacts
  readonly servers: number
  readonly hedged: boolean
  readonly mayBeCut: boolean
  readonly choices: readonly number[]
}

/**
 * A statement that was sent where it could write. `none`: it is known to have had no effect. `reading`: it has run, and its text
 * reads, on a server that was taken for a standby or was replaced: it has written only if a server says that it writes.
 */
interface Start {
  readonly leg: number
  effect: 'running' | 'none' | 'reading' | 'maybe' | 'done'
}

interface Running {
  readonly kind: 'acquiring' | 'started' | 'catching-up' | 'waiting'
  readonly standby?: boolean
  readonly forced?: boolean
  readonly start?: Start | undefined
}

/** More are found in no run, so that it ends. */
const MOST_WAITS = 3
const PER_PLAN = (servers: number): number => 6 * servers + 10

/** Two legs, each of whose plans is used up; a plan for each wait, and one made anew. Each attempt takes three steps. */
export function mostSteps({ servers }: WalkProgram): number {
  return 3 * 2 * (MOST_WAITS + 2) * PER_PLAN(servers)
}

const CODES = ['25006', '0A000', '26000', '40001', '42P01', '22P02', '57P01', '23505', undefined]
const ROUTINES = ['PreventCommandDuringRecovery', 'RevalidateCachedQuery', 'exec_stmt_raise', undefined]
const KINDS = [
  'unsent',
  'unsendable',
  'unreadable',
  'answered',
  'answered',
  'lost',
  'lost',
  'behind',
  'standby',
  'misled',
] as const
const WHYS = ['refused', 'unreachable', 'queue', 'hook'] as const
const EVENTS = [
  'begun',
  'succeeded',
  'failed',
  'not-admitted',
  'replanned',
  'caught-up',
  'no-budget',
  'waited',
  'slow',
  'cut',
] as const satisfies readonly WalkEvent['kind'][]
export const CUT = new Error('cut')

/** Does what `nextStep` commands, as the walk does it, with outcomes and an order of its own. */
export class WalkModel {
  state: WalkState
  steps = 0
  readonly ends: WalkCommand[] = []
  readonly starts: Start[] = []
  readonly violations: string[] = []
  /** How it was told to have failed, though it may have written. */
  unsaid: string | undefined
  readonly #program: WalkProgram
  readonly #running = new Map<number, Running>()
  /** It has run, and nothing is known to keep it from having written, should it write. */
  #ran = false
  /** A function that may write, where it ran. */
  #calls = false
  /** A server has refused it, because it writes. */
  #writes = false
  #at = 0
  #waits = 0
  #slow: boolean
  #cut: boolean

  constructor(program: WalkProgram) {
    this.#program = program
    this.#slow = program.hedged
    this.#cut = program.mayBeCut
    this.state = beginWalk(program.facts, this.#attempts(false))
  }

  run(): void {
    this.#take({ kind: 'begun', mayWait: this.#draw(2) === 0 })
    const most = mostSteps(this.#program)
    while (this.#running.size > 0) {
      if (++this.steps > most) return this.#violated(`it has not ended after ${most} steps`)
      this.#step()
    }
    if (this.ends.length !== 1) this.#violated(`it ended ${this.ends.length} times`)
    this.#lookAtEnd()
  }

  /** Nobody is told of a doubt where there is none, nor that it failed where there is one. */
  #lookAtEnd(): void {
    const [end] = this.ends
    if (end?.kind !== 'fail' || end.failure.kind === 'cut') return
    const doubt = this.starts.some(({ effect }) => effect === 'maybe') || (this.#ran && (this.#writes || this.#calls))
    if (end.failure.kind === 'unknown' && !doubt) this.#violated('told as unknown, and nothing can have been written')
    if (end.failure.kind !== 'unknown' && doubt) this.unsaid = end.failure.kind
  }

  /** An event of no leg that runs, or of one in another state, is harmless: what it would do is not done. */
  #probe(): void {
    const leg = this.#draw(3)
    const kind = this.#pick(KINDS)
    const evidence = { kind, error: new ReplicaBehindError('nrt') }
    const rest = {
      leg,
      mayWait: this.#draw(2) === 0,
      primaries: [],
      attempts: [],
      yes: true,
      error: CUT,
      unlisted: true,
    }
    const before = JSON.stringify(this.state)
    for (const event of EVENTS) {
      nextStep(this.state, { ...rest, kind: event, evidence, standby: false, forced: this.#draw(2) === 0 })
    }
    if (JSON.stringify(this.state) !== before) this.#violated('a state was changed in place')
  }

  #step(): void {
    if (this.#draw(8) === 0) this.#probe()
    if (this.#slow && this.#draw(8) === 0) {
      this.#slow = false
      return this.#take({ kind: 'slow', attempts: this.#attempts(false) })
    }
    if (this.#cut && this.#draw(16) === 0) {
      this.#cut = false
      const before = this.state.over
      this.#take({ kind: 'cut', error: CUT })
      const end = this.ends.at(-1)
      const told = end?.kind === 'fail' && end.failure.kind === 'cut' && end.failure.error === CUT
      if (!before && !told) this.#violated('it was cut, and did not end as that')
      return
    }
    const legs = [...this.#running.keys()]
    const leg = this.#pick(legs)
    const running = this.#running.get(leg) as Running
    this.#running.delete(leg)
    switch (running.kind) {
      case 'acquiring':
        return this.#acquired(leg)
      case 'started':
        return this.#ended(leg, running)
      case 'catching-up':
        return this.#tell({ kind: 'caught-up', leg, yes: this.#draw(2) === 0, mayWait: this.#draw(2) === 0 })
      case 'waiting': {
        const found = this.#waits < MOST_WAITS && this.#draw(3) > 0
        if (found) this.#waits++
        return this.#tell({ kind: 'waited', attempts: found ? this.#attempts(true) : undefined })
      }
    }
  }

  /** Somebody has a connection, or none. */
  #acquired(leg: number): void {
    const what = this.#draw(8)
    if (what === 0) return this.#fail(leg, this.#noConnectionEvidence(), false, false)
    if (what === 1) {
      const attempts = this.#attempts(true)
      return this.#tell({
        kind: 'replanned',
        leg,
        attempts,
        mayWait: this.#draw(2) === 0,
        unlisted: this.#draw(2) === 0,
      })
    }
    // It is not even sent to a server that cannot show what it must.
    if (what === 2) return this.#fail(leg, { kind: 'behind', error: new ReplicaBehindError('nrt') }, false, false)
    const proven = this.#draw(2) === 0
    const { facts } = this.#program
    const [state, verdict] = admit(this.state, leg, proven)
    this.state = state
    if (verdict === 'no') return this.#tell({ kind: 'not-admitted', leg, mayWait: this.#draw(2) === 0 })
    if (state.over) this.#violated('a statement was admitted that is over')
    const forced = verdict === 'read-only'
    const couldWrite = !forced && !facts.readOnly && !facts.harmless
    let start: Start | undefined
    if (couldWrite) {
      if (this.#ran || this.starts.some(({ effect }) => effect !== 'none')) {
        this.#violated(`it was started where it could write, after ${this.starts.map(({ effect }) => effect).join()}`)
      }
      // As long as that has not been promoted.
      if (!proven || !facts.reads) this.starts.push((start = { leg, effect: 'running' }))
    }
    // A server that does not say what it is, is what it was last probed as.
    const standby = proven || this.#draw(4) === 0
    this.#running.set(leg, { kind: 'started', standby, forced, start })
  }

  #ended(leg: number, { standby = false, forced = false, start }: Running): void {
    if (this.#draw(4) === 0) {
      if (start !== undefined) start.effect = 'done'
      const over = this.state.over
      this.#tell({ kind: 'succeeded', leg })
      const end = this.ends.at(-1)
      if (!over && (end?.kind !== 'succeed' || end.leg !== leg)) this.#violated('a result was not taken')
      return
    }
    const kind = this.#pick(KINDS)
    const code = this.#pick(CODES)
    const routine = this.#pick(ROUTINES)
    const evidence = this.#evidence(kind, Object.assign(new Error('it failed'), { code, routine }))
    // What is heard after the end was abandoned.
    if (!this.state.over) {
      const effect = this.#effectOf(evidence, standby)
      const { readOnly, harmless } = this.#program.facts
      if (start !== undefined) start.effect = effect
      // A server that has said that it is a standby may have been promoted since.
      if (effect === 'reading' && !forced && !readOnly && !harmless) {
        this.#calls ||= !this.#ran && evidence.kind === 'behind' && evidence.callsFunction === true
        this.#ran = true
      }
      if (kind === 'answered' && code === '25006') this.#writes = true
    }
    this.#fail(leg, evidence, standby, forced)
  }

  #effectOf(evidence: Evidence, standby: boolean): Start['effect'] {
    switch (evidence.kind) {
      case 'lost':
        return standby && this.#program.facts.reads ? 'reading' : 'maybe'
      case 'behind':
        return evidence.mayHaveWritten !== true ? 'none' : this.#program.facts.reads ? 'reading' : 'maybe'
      case 'unreadable':
        return 'done'
      case 'unsent':
      case 'misled':
      case 'unsendable':
      case 'no-connection':
      case 'standby':
        return 'none'
      case 'answered':
        // A part of it may have been committed, but not on a server that was in recovery.
        return this.#program.facts.mayCommitInside && evidence.nothingCommitted !== true && !isDemotion(evidence.error)
          ? 'done'
          : 'none'
    }
  }

  #evidence(kind: (typeof KINDS)[number], error: Error): Evidence {
    switch (kind) {
      case 'answered':
        return { kind, error, nothingCommitted: this.#draw(3) === 0 }
      case 'behind':
        return behindAs(this.#draw(3))
      default:
        return { kind, error }
    }
  }

  #noConnectionEvidence(): Evidence {
    const why = this.#pick(WHYS)
    return { kind: 'no-connection', why, error: new Error(why) }
  }

  #fail(leg: number, evidence: Evidence, standby: boolean, forced: boolean): void {
    const mayWait = this.#draw(2) === 0
    const { over } = this.state
    const relisted = this.#draw(16) === 0 ? this.#attempts(true) : undefined
    this.#tell({ kind: 'failed', leg, standby, forced, evidence, primaries: this.#attempts(true), relisted, mayWait })
    if (over || evidence.kind !== 'answered' || (forced && isWriteRefused(evidence.error))) return
    const { facts } = this.#program
    if (meaningOf(evidence, { ...facts, standby, readOnly: facts.readOnly || forced }) !== 'fail') return
    const end = this.ends.at(-1)
    // Which of the two, `#lookAtEnd` judges.
    const told = end?.kind === 'fail' && (end.failure.kind === 'error' || end.failure.kind === 'unknown')
    if (!told) this.#violated("the statement's own error was not taken")
  }

  /** What comes from a leg when all is over is not told: it was abandoned. */
  #tell(event: WalkEvent): void {
    if (!this.state.over) this.#take(event)
  }

  #take(event: WalkEvent): void {
    const [state, commands] = nextStep(this.state, event)
    this.state = state
    for (const command of commands) this.#do(command)
  }

  #do(command: WalkCommand): void {
    if (this.ends.length > 0) this.#violated(`${command.kind} was commanded after the end`)
    switch (command.kind) {
      case 'try':
        if (command.resends && this.#draw(8) === 0) return this.#take({ kind: 'no-budget', leg: command.leg })
        return this.#begin(command.leg, { kind: 'acquiring' })
      case 'catch-up':
        return this.#begin(command.leg, { kind: 'catching-up' })
      case 'wait':
        if (this.#running.size > 0) this.#violated('it waits for a primary while it runs')
        return this.#begin(0, { kind: 'waiting' })
      case 'abandon':
        return
      case 'succeed':
      case 'fail':
        this.ends.push(command)
        if (!this.state.over) this.#violated('it has ended and is not over')
        return
    }
  }

  #begin(leg: number, running: Running): void {
    if (this.#running.has(leg)) this.#violated(`leg ${leg} was begun while it runs`)
    this.#running.set(leg, running)
  }

  #attempts(anew: boolean): readonly Attempt[] {
    const { servers } = this.#program
    const count = this.#draw(1 + servers * (anew ? 1 : 2))
    const first = this.#draw(servers)
    return Array.from({ length: count }, (_, i) => ({ server: `s${(first + i) % servers}`, reason: 'nearest' }))
  }

  #pick<T>(from: readonly T[]): T {
    return from.at(this.#draw(from.length)) as T
  }

  #draw(below: number): number {
    const { choices } = this.#program
    const turn = Math.floor(this.#at / choices.length)
    const drawn = (choices[this.#at % choices.length] ?? 0) + turn * 7
    this.#at++
    return drawn % below
  }

  #violated(what: string): void {
    this.violations.push(what)
  }
}

/** Before anything was sent; after it ran; after it has called a function there. */
function behindAs(what: number): Evidence {
  return { kind: 'behind', error: new ReplicaBehindError('nrt'), mayHaveWritten: what > 0, callsFunction: what > 1 }
}
