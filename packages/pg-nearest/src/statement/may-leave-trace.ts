import type { StatementNeed } from '../classification/statement-class.ts'
import { factsOf } from './text-facts.ts'

/**
 * Whether a statement may leave something on its connection that its text does not show: what a function, a procedure, a `DO` block or a trigger sets,
 * locks, or keeps in a temporary table. What a view or a policy calls is not looked for, as for {@link SyncSharing}.
 */
export function mayLeaveTrace(text: unknown, { transaction }: StatementNeed): boolean {
  if (transaction !== undefined && transaction.kind !== 'other') return false
  return typeof text !== 'string' || factsOf(text).sharing === undefined
}
