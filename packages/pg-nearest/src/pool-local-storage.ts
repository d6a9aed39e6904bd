import { AsyncLocalStorage } from 'node:async_hooks'

/** The value of one pool, and those of other pools around it. */
interface Frame<T> {
  readonly pool: object
  readonly value: T
  readonly outer: Frame<T> | undefined
}

/**
 * What callers run in, for each pool by itself. All copies of this library in the process share what has the same name, so that they find
 * each other's: it ends with a number, another one whenever the shape of a frame or of what is in it changes. Made when it is first needed,
 * so that nobody else pays for it.
 */
export class PoolLocalStorage<T> {
  /** Looked up once: asking `globalThis` with each statement is measurable on short reads. */
  readonly #shared: Shared<T>

  constructor(name: string) {
    this.#shared = (globalThis as Registry<T>)[Symbol.for(name)] ??= { storage: undefined }
  }

  /** The value of this pool that the caller runs in. */
  get(pool: object): T | undefined {
    let frame = this.#shared.storage?.getStore()
    while (frame !== undefined && frame.pool !== pool) frame = frame.outer
    return frame?.value
  }

  /** Runs `work`, and everything that it starts, in this value. */
  run<R>(pool: object, value: T, work: () => R): R {
    const storage = (this.#shared.storage ??= new AsyncLocalStorage())
    return storage.run({ pool, value, outer: storage.getStore() }, work)
  }
}

interface Shared<T> {
  storage: AsyncLocalStorage<Frame<T>> | undefined
}

type Registry<T> = Record<symbol, Shared<T> | undefined>
