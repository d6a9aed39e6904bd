/** Everything here that waits for one signal, behind one listener: a signal that lives long does not fill up. */
class AbortHub {
  readonly #callbacks = new Set<() => void>()
  readonly #signal: WeakRef<AbortSignal>

  constructor(signal: AbortSignal) {
    this.#signal = new WeakRef(signal)
  }

  add(callback: () => void): () => void {
    // The same function may be given twice.
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
 * Calls back when the signal is aborted; not at once if it is already, which the caller asks first. Returns what takes the callback
 * back. However many wait for one signal, it has one listener, and none when nobody waits.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let hub = hubs.get(signal)
  if (hub === undefined) hubs.set(signal, (hub = new AbortHub(signal)))
  return hub.add(callback)
}
