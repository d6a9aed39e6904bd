/** Describes a wrong value for an error message, without repeating it. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (value === '') return 'empty'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/**
 * Whether a value is an object literal, of any realm. A `Map` or a class instance would look like an object without entries.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
