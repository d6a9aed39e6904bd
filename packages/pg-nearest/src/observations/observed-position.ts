import { normalizeInsertLsn } from '../topology/lsn.ts'
import type { Observation } from './topology-updates.ts'

/** What a server has told of its position. It proves something only together with its timeline and its cluster. */
export interface ObservedPosition {
  readonly systemIdentifier: string
  readonly timeline: number
  /** Replay position of a standby, insert position of a primary. */
  readonly lsn: bigint
}

/** `undefined` if a part of it is missing. */
export function observedPosition({
  role,
  lsn,
  timeline,
  systemIdentifier,
}: Pick<Observation, 'role' | 'lsn' | 'timeline' | 'systemIdentifier'>): ObservedPosition | undefined {
  if (lsn === undefined || timeline === undefined || systemIdentifier === undefined) return undefined
  return { systemIdentifier, timeline, lsn: role === 'primary' ? normalizeInsertLsn(lsn) : lsn }
}
