import { errorOfOwnMessages, serializationError } from '../wire/serialization-error.ts'
import { isCursor } from './cursor-again.ts'

/** A `pg.Query`, of whichever copy of pg. Only that sends what its fields say in the way of pg's. */
export function isPgQuery(query: object): boolean {
  const { requiresPreparation, prepare } = query as Readonly<Record<string, unknown>>
  return typeof requiresPreparation === 'function' && typeof prepare === 'function'
}

/**
 * Why it cannot be put into messages: a cursor, that of a stream, and a COPY write theirs by themselves, and would throw in the midst of them.
 * `undefined`: it can, or it is a caller's own, whose fields mean what they like.
 */
export function unsendableError(query: object): Error | undefined {
  if (isPgQuery(query)) return serializationError(query)
  const { cursor, text } = query as { readonly cursor?: object; readonly text?: unknown }
  if (isCursor(query)) return errorOfOwnMessages(cursor ?? query)
  return isCopy(query) ? errorOfOwnMessages({ text }) : undefined
}

/** A stream of pg-copy-streams. */
function isCopy(query: object): boolean {
  const { destroy, handleCopyInResponse, _attach: attach } = query as Readonly<Record<string, unknown>>
  return typeof destroy === 'function' && typeof (handleCopyInResponse ?? attach) === 'function'
}
