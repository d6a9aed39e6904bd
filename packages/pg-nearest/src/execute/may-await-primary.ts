import { isUsable } from '../topology/health.ts'
import type { Engine, Scope } from './engine.ts'

/**
 * Whether a statement that nobody could run is worth waiting for a primary: a write, always; a read, if somebody is there who
 * could answer, but cannot prove to show what it must.
 */
export function mayAwaitPrimary(engine: Engine, { readOnly }: Scope, reads: boolean): boolean {
  // With one database there is nobody to be promoted.
  if (engine.process === undefined) return false
  return reads || readOnly ? engine.topology.servers.some(isUsable) : true
}
