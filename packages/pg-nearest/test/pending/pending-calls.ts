import { setTimeout as sleep } from 'node:timers/promises'

/** A call whose promise, or callback, has not been settled. */
export interface PendingCall {
  /** Such as `query select 1`. */
  readonly what: string
  /** The pool, handle or session that it was made on. */
  readonly pool: object
  /** Made where the call was made. Its stack is only read if it is told: that is slow. */
  readonly madeAt: Error
}

const POLL_MS = 20

/** The calls that are not settled yet. */
export class PendingCalls {
  readonly #graceMs: number
  readonly #calls = new Set<PendingCall>()

  /** @param graceMs - how long a call may still take once nobody waits for it. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs
  }

  /** @returns what to call when it is settled. */
  add(what: string, pool: object): () => void {
    const call = { what, pool, madeAt: new Error('called') }
    this.#calls.add(call)
    return () => this.#calls.delete(call)
  }

  /** Whether a call of this name is pending on this pool. */
  has(what: string, pool: object): boolean {
    return [...this.#calls].some((call) => call.pool === pool && call.what === what)
  }

  /**
   * Waits until no call that matters is pending, at most for the grace period.
   *
   * @returns those that still are. Each is told once.
   */
  async overdue(matters: (call: PendingCall) => boolean): Promise<readonly PendingCall[]> {
    const left = (): readonly PendingCall[] => [...this.#calls].filter(matters)
    const deadline = performance.now() + this.#graceMs
    while (left().length > 0 && performance.now() < deadline) await sleep(POLL_MS)
    const found = left()
    for (const call of found) this.#calls.delete(call)
    return found
  }
}

/** @throws Error if there is any. */
export function failOnPending(calls: readonly PendingCall[], when: string): void {
  if (calls.length === 0) return
  const list = calls.map((call) => `${call.what}\n${callersOf(call)}`).join('\n\n')
  throw new Error(`${calls.length} of the library's promises never settled: pending ${when}.\n\n${list}`)
}

/** The lines of the stack that are the test's. */
export function callersOf({ madeAt }: PendingCall): string {
  const lines = (madeAt.stack ?? '').split('\n').slice(1)
  return lines.filter((line) => !/test\/pending\/|node_modules|node:internal/.test(line)).join('\n')
}
