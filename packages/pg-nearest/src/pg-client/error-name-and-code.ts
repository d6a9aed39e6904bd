import { codeOf } from '../driver-errors.ts'

/**
 * The name and the code of what a user's function has thrown, in brackets, if they look like those of errors: anything else of it may hold
 * what must not be told. Empty if there is neither.
 */
export function errorNameAndCode(error: unknown): string {
  try {
    const name = error instanceof Error && /^\w{0,40}(?:Error|Exception)$/.test(error.name) ? [error.name] : []
    const code = codeOf(error)
    const words = code !== undefined && /^E[A-Z_]{3,24}$/.test(code) ? [...name, code] : name
    return words.length === 0 ? '' : ` (${words.join(', ')})`
  } catch {
    return ''
  }
}
