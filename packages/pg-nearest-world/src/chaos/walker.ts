import { setTimeout as sleep } from 'node:timers/promises'
import type { Consistency, RoutedPool, Session } from 'pg-nearest'
import { processSession } from './process-session.ts'
import type { Random } from './random.ts'
import { readOf, WRITES } from './registers.ts'
import type { Diary } from './diary.ts'
import type { App } from './load.ts'

/** Somebody with one causal session after another, who takes it from region to region. */
export class Walker {
  readonly #name: string
  readonly #apps: readonly App[]
  readonly #registers: number
  readonly #random: Random
  readonly #diary: Diary
  readonly #consistency: () => Consistency | undefined
  #generation = 0
  #app: App
  #session: Session

  constructor(
    name: string,
    apps: readonly App[],
    registers: number,
    random: Random,
    diary: Diary,
    consistency: () => Consistency | undefined,
  ) {
    this.#name = name
    this.#apps = apps
    this.#registers = registers
    this.#random = random
    this.#diary = diary
    this.#consistency = consistency
    this.#app = random.pick(apps)
    this.#session = this.#app.pool.session()
  }

  async live(busy: () => boolean, restMs: number, begins: () => boolean): Promise<void> {
    while (busy()) {
      this.#wander()
      const own = this.#random.chance(0.8)
      const outcome = await this.#step(own ? this.#session : this.#app.pool, own)
      // What was given up may still be under way, and whoever comes after it would not know what it has shown.
      if (outcome === 'aborted') this.#begin()
      do await sleep(this.#random.between(0.5 * restMs, 1.5 * restMs))
      while (busy() && !begins())
    }
  }

  #begin(): void {
    this.#generation++
    this.#session = this.#app.pool.session()
  }

  #wander(): void {
    if (this.#random.chance(0.02)) return this.#begin()
    if (!this.#random.chance(0.25)) return
    this.#app = this.#random.pick(this.#apps)
    this.#session = this.#app.pool.session(this.#session.bookmark())
  }

  #step(handle: RoutedPool, own: boolean): Promise<unknown> {
    const { region } = this.#app
    const session = own ? `${this.#name}.${this.#generation}` : processSession(region)
    const registers = [1 + this.#random.integer(this.#registers)]
    const writes = this.#random.chance(0.3)
    const config = writes ? { text: this.#random.pick(WRITES), values: registers } : readOf(registers)
    const { recorder } = this.#diary
    return this.#diary.note(
      { app: region, kind: writes ? 'session write' : 'session read', session },
      async (signal, invokedAt) => {
        const answer = await handle.query<{ id: number; version: number }>({
          ...config,
          consistency: this.#consistency(),
          signal,
        })
        recorder.answered({ session, from: region }, writes ? 'write' : 'read', invokedAt, registers, answer)
        return answer.servedBy.server
      },
    )
  }
}
