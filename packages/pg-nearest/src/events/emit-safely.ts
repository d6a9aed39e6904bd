import type { EventEmitter } from 'node:events'

/** Like `emit`, but a listener that throws does not affect other listeners or the caller. */
export function emitSafely(target: EventEmitter, event: string, args: readonly unknown[]): void {
  for (const listener of target.rawListeners(event)) {
    try {
      Reflect.apply(listener, target, args)
    } catch (error) {
      warn(event, error)
    }
  }
}

/** Reports a listener's error as a process warning, so that it fails neither a statement nor the process. */
function warn(event: string, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error)
  process.emitWarning(
    Object.assign(new Error(`A listener of the event '${event}' has thrown: ${why}`, { cause: error }), {
      name: 'PgNearestWarning',
    }),
  )
}
