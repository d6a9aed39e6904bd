import { isLag, provesPrimaryOnly } from '../route/failure-meaning.ts'
import type { WalkState } from './walk-state.ts'

/** The reason for ending on another server than planned; `undefined` if it was the planned one. */
export function detourReason(
  { legs, history: { failures, refusal } }: WalkState,
  leg: number,
): 'retry' | 'lagging' | 'schema-lag' | undefined {
  if ((legs[leg]?.failures ?? 0) === 0) return undefined
  if (refusal !== undefined && isLag(refusal.error)) return 'schema-lag'
  return failures.every(({ evidence }) => evidence.kind === 'behind') ? 'lagging' : 'retry'
}

/** A primary has run what no standby will. */
export function showsPrimaryOnly({ history: { refusal } }: WalkState, standby: boolean): boolean {
  return refusal !== undefined && !standby && provesPrimaryOnly(refusal.error)
}
