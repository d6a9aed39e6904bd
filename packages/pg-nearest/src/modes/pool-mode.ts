/**
 * What a pool does with statements, as its operators say.
 *
 * - `normal`: each runs where it belongs.
 * - `read-only`: likewise, but nothing is written, anywhere.
 * - `primary-only`: everything runs on the primary.
 * - `observe`: likewise, and what `normal` would have done with each is worked out and told.
 */
export type Mode = 'normal' | 'read-only' | 'primary-only' | 'observe'

export const MODES: readonly Mode[] = ['normal', 'read-only', 'primary-only', 'observe']

export function isMode(value: unknown): value is Mode {
  return MODES.some((mode) => mode === value)
}
