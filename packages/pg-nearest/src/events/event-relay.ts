import type { EventEmitter } from 'node:events'
import { emitSafely } from './emit-safely.ts'
import { isTraced, publish, traceQuery, type Trace } from './diagnostics-channels.ts'

/** Where the rooms below the pool send their events: they are made before the pool that emits them. */
export interface EventRelay {
  emit(event: string, ...args: unknown[]): void
  /** Somebody listens, so that an event is worth building. */
  hasListeners(event: string): boolean
  /** `undefined` while nobody subscribes to the tracing channel, so that nothing is built for nobody. */
  readonly trace: Trace | undefined
  /** Calls back for each event that somebody begins to listen to. */
  onListener(callback: (event: string) => void): void
  /** From now on events go to this emitter. */
  connectTo(emitter: EventEmitter): void
}

export function createEventRelay(): EventRelay {
  const callbacks: ((event: string) => void)[] = []
  let target: EventEmitter | undefined
  const hasListeners = (event: string): boolean => target !== undefined && target.listenerCount(event) > 0
  const trace: Trace = (statement, run) => (target === undefined ? run() : traceQuery(target, statement, run))
  return {
    emit(event, ...args) {
      if (target === undefined) return
      // An 'error' that nobody listens to would end the process.
      if (hasListeners(event)) emitSafely(target, event, args)
      publish(target, event, args[0])
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
