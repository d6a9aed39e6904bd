import { errorOfOwnMessages } from '../wire/serialization-error.ts'
import { isCursor } from './cursor-again.ts'

/**
 * Why a cursor, that of a stream, or a COPY cannot be put into messages, which it writes by itself: it would throw in the midst of them. `undefined`:
 * it can, or it is something else.
 */
export function unsendableError(query: object): Error | undefined {
  const { cursor, destroy } = query as { readonly cursor?: object; readonly destroy?: unknown }
  const isCopy = typeof destroy === 'function'
  return isCursor(query) || isCopy ? errorOfOwnMessages(cursor ?? query) : undefined
}
