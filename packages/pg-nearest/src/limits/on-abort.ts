/** All callbacks for one signal behind a single listener, so that a long-lived signal does not collect listeners. */
class AbortHub {
  readonly #callbacks = new Set<() => void>()
  readonly #signal: WeakRef<AbortSignal>

  constructor(signal: AbortSignal) {
    this.#signal = new WeakRef(signal)
  }

  add(callback: () => void): () => void {
    // A set would drop a function that is added twice.
    const once = (): void => callback()
    if (this.#callbacks.size === 0) this.#signal.deref()?.addEventListener('abort', this.#abort)
    this.#callbacks.add(once)
    return () => {
      if (this.#callbacks.delete(once) && this.#callbacks.size === 0) this.#forget()
    }
  }

  readonly #abort = (): void => {
    this.#forget()
    for (const callback of this.#callbacks) callback()
    this.#callbacks.clear()
  }

  #forget(): void {
    this.#signal.deref()?.removeEventListener('abort', this.#abort)
  }
}

const hubs = new WeakMap<AbortSignal, AbortHub>()

/**
 * Calls back when the signal is aborted. Does not check whether it already is. Returns a function that removes the callback. A
 * signal has at most one listener, however many callbacks there are.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let hub = hubs.get(signal)
  if (hub === undefined) hubs.set(signal, (hub = new AbortHub(signal)))
  return hub.add(callback)
}
