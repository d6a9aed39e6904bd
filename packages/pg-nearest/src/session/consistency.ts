/**
 * What a read must show.
 *
 * - `eventual`: whatever the nearest server has.
 * - `session`: everything that was written or seen in the session before.
 * - `strong`: everything that was acknowledged to any client; the primary answers.
 * - `{ maxStalenessMs }`: as `session`, and data proven no older than this.
 */
export type Consistency = 'eventual' | 'session' | 'strong' | { readonly maxStalenessMs: number }

export const CONSISTENCY_NAMES: readonly string[] = ['eventual', 'session', 'strong'] satisfies Consistency[]

export function isConsistency(value: unknown): value is Consistency {
  if (typeof value === 'string') return CONSISTENCY_NAMES.includes(value)
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return false
  const { maxStalenessMs } = value as { maxStalenessMs?: unknown }
  return typeof maxStalenessMs === 'number' && maxStalenessMs >= 0
}

/** The values that {@link isConsistency} accepts, for error messages. */
export const CONSISTENCIES = '"eventual", "session", "strong" or { maxStalenessMs: number }'
