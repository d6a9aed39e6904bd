import type { EventEmitter } from 'node:events'

/** As `emit`, except that a listener that throws keeps nobody else from hearing, and is not heard by whoever emits. */
export function emitSafely(target: EventEmitter, event: string, args: readonly unknown[]): void {
  for (const listener of target.rawListeners(event)) {
    try {
      Reflect.apply(listener, target, args)
    } catch (error) {
      warn(event, error)
    }
  }
}

/** The fault is the listener's: it is told, and neither a statement nor the process pays for it. */
function warn(event: string, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error)
  process.emitWarning(
    Object.assign(new Error(`A listener of the event '${event}' has thrown: ${why}`, { cause: error }), {
      name: 'PgNearestWarning',
    }),
  )
}
