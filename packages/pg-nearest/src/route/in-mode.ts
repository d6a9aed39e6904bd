import type { Mode } from '../modes/pool-mode.ts'
import { isRegional, type Target } from './plan-servers.ts'

/** Where a pool, or a handle of it, runs its statements. */
export interface Narrowing {
  readonly target: Target
  /** The server refuses every write. */
  readonly readOnly: boolean
  /** `undefined`: normal. */
  readonly mode?: Mode | undefined
  /** Where it would run them if nobody observed. */
  readonly instead?: Narrowing | undefined
}

const ON_PRIMARY: Target = { kind: 'mode' }

/** What a mode makes of where a handle's statements run. Everything else follows from that: no other code asks for the mode to decide. */
export function inMode<Scope extends Narrowing>(scope: Scope, mode: Mode): Scope {
  switch (mode) {
    case 'normal':
      return scope
    case 'read-only':
      return { ...scope, mode, readOnly: true }
    case 'primary-only':
      return { ...scope, mode, target: onPrimary(scope) }
    case 'observe':
      return { ...scope, mode, target: onPrimary(scope), instead: scope }
  }
}

/** Who asks each server wants to hear of each, in any mode. */
function onPrimary({ target }: Narrowing): Target {
  return target.kind === 'primary' || target.kind === 'server' ? target : ON_PRIMARY
}

/** What it may not write is its mode's doing, and not what its handle is for. */
export function isReadOnlyByMode({ mode, target }: Narrowing): boolean {
  return mode === 'read-only' && !isRegional(target)
}
