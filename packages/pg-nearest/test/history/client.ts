import { setTimeout as sleep } from 'node:timers/promises'
import type { NearestPool, RoutedPool, Session } from 'pg-nearest'
import {
  type Answer,
  type Asking,
  processSession,
  type Random,
  readOf,
  type Recorder,
  WRITES,
} from 'pg-nearest-world/chaos'

export interface Place {
  readonly region: string
  readonly pool: NearestPool
}

type Query = (config: { text: string; values?: unknown[] }) => Promise<Answer>

/** Whose session a turn belongs to, and how it is told: `process` is that of whoever has no other. */
type Scope = 'session' | 'session.run' | 'session()' | 'process'

/** What a turn is made of: reads of some registers and writes of one. */
type Step = { readonly kind: 'read'; readonly registers: number[] } | WriteStep
interface WriteStep {
  readonly kind: 'write'
  readonly registers: [number]
  readonly text: string
}

/** Somebody with one session after another, who moves from region to region. */
export class Client {
  readonly #name: string
  readonly #places: readonly Place[]
  readonly #registers: number
  readonly #random: Random
  readonly #recorder: Recorder
  #generation = 0
  #place: Place
  #session: Session
  #scope: Scope = 'session'
  #by = ''
  #failed = false

  constructor(name: string, places: readonly Place[], registers: number, random: Random, recorder: Recorder) {
    this.#name = name
    this.#places = places
    this.#registers = registers
    this.#random = random
    this.#recorder = recorder
    this.#place = random.pick(places)
    this.#session = this.#place.pool.session(undefined)
  }

  async live(busy: () => boolean, thinkMs: number): Promise<void> {
    while (busy()) {
      this.#wander()
      this.#failed = false
      await this.#turn()
      // As every client should: not again at once what has just failed.
      if (this.#failed) await sleep(this.#random.between(50, 250))
      if (thinkMs > 0) await sleep(this.#random.next() * thinkMs)
    }
  }

  /** Between two turns nothing is under way, so that the bookmark holds all that the session knows. */
  #wander(): void {
    if (this.#random.chance(0.02)) {
      this.#generation++
      this.#session = this.#place.pool.session(undefined)
    } else if (this.#random.chance(0.15)) {
      this.#place = this.#random.pick(this.#places)
      this.#session = this.#place.pool.session(this.#session.bookmark())
    }
  }

  async #turn(): Promise<void> {
    const { pool } = this.#place
    const scope = this.#random.next()
    if (scope < 0.6) {
      await this.#work(this.#session, 'session')
    } else if (scope < 0.75) {
      await this.#session.run(() => this.#work(pool, 'session.run'))
    } else if (scope < 0.9) {
      await pool.session(this.#session.bookmark(), async () => {
        await this.#work(pool, 'session()')
        this.#session = pool.session(pool.bookmark())
      })
    } else {
      await this.#work(pool, 'process')
    }
  }

  async #work(handle: RoutedPool, scope: Scope): Promise<void> {
    this.#scope = scope
    const way = this.#random.next()
    if (way < 0.55) {
      this.#by = 'query'
      await this.#step(this.#anyStep(), (config) => handle.query(config))
    } else if (way < 0.65) {
      this.#by = 'several queries at once'
      await Promise.all(this.#steps(2, 4).map((step) => this.#step(step, (config) => handle.query(config))))
    } else if (way < 0.8) {
      this.#by = 'transaction'
      await this.#transaction(handle)
    } else {
      this.#by = 'client'
      await this.#borrow(handle)
    }
  }

  async #borrow(handle: RoutedPool): Promise<void> {
    const client = await handle.connect()
    const steps = this.#steps(1, 4)
    const query: Query = (config) => client.query(config)
    try {
      if (this.#random.chance(0.3)) {
        this.#by = 'client, at once'
        await Promise.all(steps.map((step) => this.#step(step, query)))
        return
      }
      for (const step of steps) if (!(await this.#step(step, query))) return
    } finally {
      client.release()
    }
  }

  async #transaction(handle: RoutedPool): Promise<void> {
    const readOnly = this.#random.chance(0.5)
    const frozen = readOnly && this.#random.chance(0.5)
    const atOnce = this.#random.chance(0.3)
    const write = this.#anyWrite()
    const reads = Array.from({ length: 1 + this.#random.integer(2) }, () => this.#anyRead())
    const steps = readOnly ? reads : this.#random.shuffle([...reads, write])
    this.#by = `${readOnly ? 'read-only ' : ''}transaction${frozen ? ', repeatable read' : ''}${atOnce ? ', at once' : ''}`
    const began = this.#recorder.now()
    const pending: { step: Step; invokedAt: number; answer: Answer }[] = []
    let failed: { step: Step; invokedAt: number } | undefined

    const run = async (step: Step, index: number, query: Query): Promise<void> => {
      const invokedAt = this.#recorder.now()
      let answer: Answer
      try {
        answer = await query(configOf(step))
      } catch (error) {
        failed ??= { step, invokedAt }
        throw error
      }
      // What was written here, and what was read of that, counts when it is committed.
      const own = index >= steps.indexOf(write) && step.registers.includes(write.registers[0])
      if (!readOnly && own) pending.push({ step, invokedAt, answer })
      // It stays on the replica where it began: what others of the session write meanwhile need not be there.
      else this.#recorder.answered(this.#asking, 'read', readOnly ? began : invokedAt, step.registers, answer)
    }

    try {
      await handle.transaction(
        { readOnly, isolationLevel: frozen ? 'repeatable read' : undefined },
        async (transaction) => {
          const query: Query = (config) => transaction.query(config)
          if (atOnce) await allOf(steps.map((step, index) => run(step, index, query)))
          else for (const [index, step] of steps.entries()) await run(step, index, query)
        },
      )
      for (const { step, invokedAt, answer } of pending) {
        this.#recorder.answered(this.#asking, step.kind, invokedAt, step.registers, answer)
      }
    } catch (error) {
      this.#failed = true
      const lost = pending.filter(({ step }) => step.kind === 'write')
      const first = failed ?? { step: steps[0] ?? write, invokedAt: began }
      for (const { step, invokedAt } of lost.length > 0 ? lost : [first]) {
        this.#recorder.failed(this.#asking, step.kind, invokedAt, step.registers, error)
      }
    }
  }

  /** Whether it worked. */
  async #step(step: Step, query: Query): Promise<boolean> {
    const asking = this.#asking
    const invokedAt = this.#recorder.now()
    try {
      this.#recorder.answered(asking, step.kind, invokedAt, step.registers, await query(configOf(step)))
      return true
    } catch (error) {
      this.#failed = true
      this.#recorder.failed(asking, step.kind, invokedAt, step.registers, error)
      return false
    }
  }

  get #asking(): Asking {
    const { region } = this.#place
    const session = this.#scope === 'process' ? processSession(region) : `${this.#name}.${this.#generation}`
    return { session, from: region, by: `${this.#scope} ${this.#by}` }
  }

  #steps(least: number, most: number): Step[] {
    const count = least + this.#random.integer(most - least + 1)
    return Array.from({ length: count }, () => this.#anyStep())
  }

  #anyStep(): Step {
    return this.#random.chance(0.3) ? this.#anyWrite() : this.#anyRead()
  }

  #anyRead(): Step {
    const count = this.#random.chance(0.2) ? 2 + this.#random.integer(3) : 1
    return { kind: 'read', registers: [...new Set(Array.from({ length: count }, () => this.#anyRegister()))] }
  }

  #anyWrite(): WriteStep {
    return { kind: 'write', registers: [this.#anyRegister()], text: this.#random.pick(WRITES) }
  }

  /** A few are busier than the rest, so that a session often comes back to what it knows. */
  #anyRegister(): number {
    const below = this.#random.chance(0.5) ? Math.ceil(this.#registers / 8) : this.#registers
    return 1 + this.#random.integer(below)
  }
}

/** As `Promise.all`, and nothing is left under way. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const failure = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected')
  if (failure !== undefined) throw (failure as PromiseRejectedResult).reason
}

function configOf(step: Step): { text: string; values: unknown[] } {
  return step.kind === 'read' ? readOf(step.registers) : { text: step.text, values: step.registers }
}
