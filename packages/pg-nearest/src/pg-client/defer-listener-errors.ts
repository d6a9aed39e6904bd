import type { EventEmitter } from 'node:events'
import { raiseLater } from '../raise-later.ts'

/**
 * From now on whoever is told of a message of this connection's may throw: pg's parser, which would forget how far it has read and begin
 * with the same message again, does not see it. As with pg, nobody catches it.
 */
export function deferListenerErrors(connection: EventEmitter): void {
  const { emit } = connection
  connection.emit = (...args) => {
    try {
      return Reflect.apply(emit, connection, args)
    } catch (error) {
      raiseLater(error)
      return true
    }
  }
}
