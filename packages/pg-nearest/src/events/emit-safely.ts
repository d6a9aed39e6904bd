import type { EventEmitter } from 'node:events'
import { messageOf } from '../driver-errors.ts'

/** Like `emit`, but a listener that throws does not affect other listeners or the caller. Returns the promises that listeners have returned. */
export function emitSafely(target: EventEmitter, event: string, args: readonly unknown[]): readonly unknown[] {
  const promises: unknown[] = []
  for (const listener of target.rawListeners(event)) {
    try {
      const returned: unknown = Reflect.apply(listener, target, args)
      if (returned instanceof Promise) promises.push(returned)
    } catch (error) {
      warn(event, error)
    }
  }
  return promises
}

/** Reports a listener's error as a process warning, so that it fails neither a statement nor the process. */
function warn(event: string, error: unknown): void {
  process.emitWarning(
    Object.assign(new Error(`A listener of the event '${event}' has thrown: ${messageOf(error)}`, { cause: error }), {
      name: 'PgNearestWarning',
    }),
  )
}
