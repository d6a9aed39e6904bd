import type { ServedBy } from '../events/served-by.ts'
import type { Lease } from '../monitor/server-connections.ts'
import type { Journey } from './journey.ts'
import { createMishaps, type Mishaps } from './mishaps.ts'

export interface Arrival<T> {
  readonly value: T
  readonly servedBy: Omit<ServedBy, 'region'>
}

/**
 * Tries the plan's servers in turn until one runs the statement. It knows nothing of regions: where to go is the plan's
 * word, what a failure means is `interpret`'s.
 *
 * @throws pg's `DatabaseError` when the statement itself is at fault.
 * @throws `OutcomeUnknownError` when the connection died and the statement may have written.
 * @throws `NoServerError` when no server could run it.
 */
export async function walk<T>(journey: Journey<T>): Promise<Arrival<T>> {
  let { attempts } = journey
  let mishaps: Mishaps | undefined
  for (let i = 0; i < attempts.length; i++) {
    const attempt = attempts[i]
    if (attempt === undefined) break
    const { server } = attempt
    let lease: Lease | undefined
    let standby = false
    try {
      // oxlint-disable-next-line no-await-in-loop -- one server after the other is the point
      lease = await journey.borrow(server)
      if (mishaps?.forbid(lease) === true) {
        journey.giveBack(lease)
        continue
      }
      // Asked before it runs: a promotion may come with the reply.
      ;({ standby } = lease)
      // oxlint-disable-next-line no-await-in-loop -- as above
      const value = await journey.run(lease)
      journey.giveBack(lease)
      if (mishaps?.showWrite(standby) === true) journey.learn()
      const failures = mishaps?.count ?? 0
      const reason = failures > 0 ? 'retry' : attempt.reason
      return { value, servedBy: { server, role: standby ? 'replica' : 'primary', reason, attempts: failures + 1 } }
    } catch (error) {
      if (lease !== undefined) journey.giveBack(lease, error)
      mishaps ??= createMishaps(journey)
      const then = mishaps.add(server, lease === undefined ? undefined : { standby }, error)
      if (then === 'again') i--
      if (then === 'primary') {
        attempts = journey.primaries()
        i = -1
      }
    }
  }
  throw (mishaps ?? createMishaps(journey)).error()
}
