import { describeValue } from '../error-messages/describe-value.ts'
import { milliseconds, mismatch } from './pg-option-checks.ts'
import type { ServerAnswer } from './server-list-types.ts'

/**
 * When a list wants the next one: its `serversIntervalMs`, `undefined` if it has none.
 *
 * @throws OptionError for what no timer can wait, such as `Infinity`: timers fire at once then
 */
export function wantedInterval({ serversIntervalMs: interval }: ServerAnswer): number | undefined {
  const must = interval === undefined ? undefined : milliseconds(0)(interval)
  if (must === undefined) return interval
  throw mismatch('serversIntervalMs', must, typeof interval === 'number' ? String(interval) : describeValue(interval))
}
