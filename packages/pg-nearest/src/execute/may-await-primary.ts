import { isUsable } from '../topology/health.ts'
import type { Engine, Scope } from './engine-interface.ts'

/**
 * Whether a statement that no server could run waits for a primary: a write always does; a read does if a server is up that could
 * not prove to show what the read must show. Both do while the first list of servers is to come. What one server is asked does not.
 */
export function mayAwaitPrimary(engine: Engine, { readOnly, target }: Scope, reads: boolean): boolean {
  if (target.kind === 'server') return false
  if (engine.list === 'awaited') return true
  // With one database there is no standby to be promoted.
  if (engine.alone) return false
  return reads || readOnly ? engine.topology.servers.some(isUsable) : true
}
