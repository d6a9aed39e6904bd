import type { EventEmitter } from 'node:events'
import { emitSafely } from './emit-safely.ts'
import { isTraced, publish, traceQuery, type Trace } from './diagnostics-channels.ts'

/** Passes events from the parts of a pool to the pool, which is created after them. */
export interface EventRelay {
  /** Returns the promises that listeners have returned. */
  emit(event: string, ...args: unknown[]): readonly unknown[]
  /** Whether the event has listeners. */
  hasListeners(event: string): boolean
  /** `undefined` while the tracing channel has no subscribers. */
  readonly trace: Trace | undefined
  /** Calls back when a listener is added, with the event's name. */
  onListener(callback: (event: string) => void): void
  /** Sends events to this emitter from now on. */
  connectTo(emitter: EventEmitter): void
}

export function createEventRelay(): EventRelay {
  const callbacks: ((event: string) => void)[] = []
  let target: EventEmitter | undefined
  const hasListeners = (event: string): boolean => target !== undefined && target.listenerCount(event) > 0
  const trace: Trace = (statement, mode, run) =>
    target === undefined ? run() : traceQuery(target, statement, mode, run)
  return {
    emit(event, ...args) {
      if (target === undefined) return []
      // An 'error' without a listener would end the process.
      const promises = hasListeners(event) ? emitSafely(target, event, args) : []
      publish(target, event, args[0])
      return promises
    },
    hasListeners,
    get trace() {
      return target !== undefined && isTraced() ? trace : undefined
    },
    onListener(callback) {
      callbacks.push(callback)
    },
    connectTo(emitter) {
      target = emitter
      emitter.on('newListener', (event) => {
        for (const callback of callbacks) callback(String(event))
      })
    },
  }
}
