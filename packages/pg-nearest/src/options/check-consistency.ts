import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { redactName } from '../error-messages/redact-name.ts'
import type { Must } from '../server-list/pg-option-checks.ts'
import { CONSISTENCIES, isConsistency } from '../session/consistency.ts'

/** What the option must be, and, of an object, what is wrong in it; `undefined` if it can be used. */
export function checkConsistency(value: unknown): Must | undefined {
  if (isConsistency(value)) return undefined
  if (!isPlainObject(value)) return CONSISTENCIES
  const names = Object.keys(value)
  const wrong = names.find((name) => name !== 'maxStalenessMs')
  if (wrong !== undefined) return { be: CONSISTENCIES, has: redactName(wrong) }
  if (names.length === 0) return CONSISTENCIES
  const { maxStalenessMs: given } = value
  return { be: CONSISTENCIES, has: `${typeof given === 'number' ? given : describeValue(given)} as maxStalenessMs` }
}
