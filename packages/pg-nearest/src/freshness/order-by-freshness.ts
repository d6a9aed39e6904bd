import type { Attempt } from '../route/plan.ts'

/**
 * What is known of a server and of what a read must show.
 *
 * - `shows`: it has it.
 * - `primary`: it has whatever there is.
 * - `near`: it may have it by now, and asking costs next to nothing.
 * - `far`: it may have it by now, and asking costs a good part of asking the primary.
 * - `never`: it cannot prove it.
 */
export type FreshnessEstimate = 'shows' | 'primary' | 'near' | 'far' | 'never'

/**
 * Orders a read's servers by what they are known to show: first whoever is sure to, and the best of all if it is near;
 * those that can only be asked come behind the primary.
 */
export function orderByFreshness(
  attempts: readonly Attempt[],
  estimateOf: (server: string) => FreshnessEstimate,
): Attempt[] {
  const sure: Attempt[] = []
  const others: Attempt[] = []
  for (const [i, attempt] of attempts.entries()) {
    const estimate = estimateOf(attempt.server)
    if (estimate === 'shows' || estimate === 'primary' || (estimate === 'near' && i === 0)) sure.push(attempt)
    else if (estimate !== 'never') others.push(attempt)
  }
  const passedOver = sure[0] !== attempts[0]
  return [...(passedOver ? sure.map(asLagging) : sure), ...others.map(asLagging)]
}

function asLagging({ server }: Attempt): Attempt {
  return { server, reason: 'lagging' }
}
