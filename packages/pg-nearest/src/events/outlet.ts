import type { EventEmitter } from 'node:events'

/** Where the rooms below the pool send their events: they are made before the pool that emits them. */
export interface Outlet {
  emit(event: string, ...args: unknown[]): void
  /** Somebody listens, so that an event is worth building. */
  hears(event: string): boolean
  /** From now on events go to this emitter. */
  leadTo(emitter: EventEmitter): void
}

export function createOutlet(): Outlet {
  let target: EventEmitter | undefined
  const hears = (event: string): boolean => target !== undefined && target.listenerCount(event) > 0
  return {
    emit(event, ...args) {
      // An 'error' that nobody listens to would end the process.
      if (hears(event)) target?.emit(event, ...args)
    },
    hears,
    leadTo(emitter) {
      target = emitter
    },
  }
}
