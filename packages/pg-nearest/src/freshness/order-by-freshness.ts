import type { Attempt } from '../route/plan-servers.ts'

/**
 * Whether a server is likely to show what a read must show.
 *
 * - `shows`: it does.
 * - `primary`: it is the primary, which has everything.
 * - `near`: it may by now, and asking is cheap compared to asking the primary.
 * - `far`: it may by now, but asking costs a good part of asking the primary.
 * - `never`: it cannot prove that it does.
 */
export type FreshnessEstimate = 'shows' | 'primary' | 'near' | 'far' | 'never'

/** So many of the best servers are estimated for each read. The others count as those that may show it. */
const MOST_ESTIMATED = 16

/**
 * Orders a read's servers: first those that are sure to show what it must show, and the best server of the plan if it is near;
 * those that may show it come behind the primary.
 *
 * @param isPrimary - it takes the writes.
 */
export function orderByFreshness(
  attempts: readonly Attempt[],
  estimateOf: (server: string) => FreshnessEstimate,
  isPrimary: (server: string) => boolean,
): Attempt[] {
  const sure: Attempt[] = []
  const others: Attempt[] = []
  for (const [i, attempt] of attempts.entries()) {
    const { server } = attempt
    const estimate = i < MOST_ESTIMATED ? estimateOf(server) : isPrimary(server) ? 'primary' : 'far'
    if (estimate === 'shows' || estimate === 'primary' || (estimate === 'near' && i === 0)) sure.push(attempt)
    else if (estimate !== 'never') others.push(attempt)
  }
  const passedOver = sure[0] !== attempts[0]
  return [...(passedOver ? sure.map(asLagging) : sure), ...others.map(asLagging)]
}

function asLagging({ server }: Attempt): Attempt {
  return { server, reason: 'lagging' }
}
