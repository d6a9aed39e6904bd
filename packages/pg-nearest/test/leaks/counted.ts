import { createHook, type AsyncHook } from 'node:async_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What this process holds: live timers and sockets by kind, and the heap. */
export interface Held {
  readonly timers: number
  readonly sockets: number
  /** In bytes, after everything was collected. */
  readonly heap: number
}

const TIMERS: ReadonlySet<string> = new Set(['Timeout', 'Immediate'])
const SOCKETS: ReadonlySet<string> = new Set(['TCPWRAP', 'TCPCONNECTWRAP', 'PIPEWRAP', 'TLSWRAP', 'GETADDRINFOREQWRAP'])

/** Counts what is made and not yet ended, from now on, those that keep nothing alive too. */
export class Counter implements Disposable {
  readonly #live = new Map<number, string>()
  readonly #hook: AsyncHook

  constructor() {
    this.#hook = createHook({
      init: (id, type) => {
        if (TIMERS.has(type) || SOCKETS.has(type)) this.#live.set(id, type)
      },
      destroy: (id) => void this.#live.delete(id),
    }).enable()
  }

  async held(): Promise<Held> {
    await collect()
    const kinds = [...this.#live.values()]
    return {
      timers: kinds.filter((kind) => TIMERS.has(kind)).length,
      sockets: kinds.filter((kind) => SOCKETS.has(kind)).length,
      heap: process.memoryUsage().heapUsed,
    }
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
