import { AsyncLocalStorage, createHook, type AsyncHook } from 'node:async_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Live timers and sockets that were made in `Counter.run`, and the heap. */
export interface Held {
  readonly timers: number
  readonly sockets: number
  /** In bytes, after everything was collected. */
  readonly heap: number
}

const TIMERS: ReadonlySet<string> = new Set(['Timeout', 'Immediate'])
const SOCKETS: ReadonlySet<string> = new Set(['TCPWRAP', 'TCPCONNECTWRAP', 'PIPEWRAP', 'TLSWRAP', 'GETADDRINFOREQWRAP'])

/**
 * Counts what is made in `run` and by what began there, and not yet ended; those that keep nothing alive too. What others
 * make in the same process, such as the links of a world, is not counted.
 */
export class Counter implements Disposable {
  readonly #inside = new AsyncLocalStorage<true>()
  readonly #live = new Map<number, string>()
  /** When each socket ended, by `performance.now()`. */
  readonly #socketEnds: number[] = []
  readonly #hook: AsyncHook

  constructor() {
    this.#hook = createHook({
      init: (id, type) => {
        if (this.#inside.getStore() !== true) return
        if (TIMERS.has(type) || SOCKETS.has(type)) this.#live.set(id, type)
      },
      destroy: (id) => {
        if (SOCKETS.has(this.#live.get(id) ?? '')) this.#socketEnds.push(performance.now())
        this.#live.delete(id)
      },
    }).enable()
  }

  run<T>(work: () => T): T {
    return this.#inside.run(true, work)
  }

  async held(): Promise<Held> {
    await collect()
    return { timers: this.#count(TIMERS), sockets: this.#count(SOCKETS), heap: process.memoryUsage().heapUsed }
  }

  /** The sockets that are live, and those that ended after that moment of `performance.now()`. */
  socketsSince(moment: number): number {
    return this.#count(SOCKETS) + this.#socketEnds.filter((end) => end > moment).length
  }

  #count(kinds: ReadonlySet<string>): number {
    return [...this.#live.values()].filter((kind) => kinds.has(kind)).length
  }

  [Symbol.dispose](): void {
    this.#hook.disable()
  }
}

/** Several times, with turns of the event loop in between: what is destroyed is told of later. */
async function collect(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 4; i++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
}
