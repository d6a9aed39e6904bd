import type { StatementNeed } from '../classification/statement-need-types.ts'
import { factsOf } from './text-facts.ts'

/**
 * Whether a statement may leave something on its connection that its text does not show: what a function, a procedure, a `DO` block or a trigger sets,
 * locks, or keeps in a temporary table. What a view or a policy calls is not looked for, as for {@link SyncSharing}.
 */
export function mayLeaveTrace(text: unknown, { transaction }: StatementNeed): boolean {
  if (transaction !== undefined && transaction.kind !== 'other') return false
  return typeof text !== 'string' || factsOf(text).sharing === undefined
}

/** Whether what looks like a read may call a function that writes. What a view, an operator or a cast calls does not show. */
export function mayWriteByFunction(text: unknown): boolean {
  return typeof text !== 'string' || factsOf(text).is('mayLeaveState')
}

/** A function or a procedure that reads or sets settings. */
const SETTING = /\b(?:set_config|current_setting)\s*\(/gi

/**
 * Whether what follows may rely on a trace that a statement has left so: on what a function, a procedure or a `DO` block was called for. What a
 * trigger or a default does on the way is nobody's purpose, and what a text shows binds its client to its connection anyway.
 */
export function mayBeReliedOn(text: unknown, need: StatementNeed): boolean {
  if (!mayLeaveTrace(text, need)) return false
  if (typeof text !== 'string' || need.mayCommitInside === true) return true
  const facts = factsOf(text)
  if (need.class === 'write' && facts.is('single')) return facts.is('callsStatefulFunction')
  if (need.class !== 'session') return facts.is('mayLeaveState')
  return need.session === 'local' && factsOf(text.replace(SETTING, 'concat(')).is('mayLeaveState')
}

/** Whether `currval()` or `lastval()` may tell what a statement has generated on its connection. */
export function mayGenerateValue(text: unknown, need: StatementNeed): boolean {
  return mayBeReliedOn(text, need) || (typeof text === 'string' && factsOf(text).is('seemsToGenerateValue'))
}

/** Whether it asks for such a value. */
export function asksValue(text: unknown): boolean {
  return typeof text === 'string' && factsOf(text).is('asksGeneratedValue')
}
