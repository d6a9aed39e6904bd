import type { Lease } from '../monitor/server-connections.ts'
import type { Journey } from './journey.ts'
import { BehindError } from './behind-error.ts'
import { createMishaps, type Mishaps } from './mishaps.ts'
import { pause } from './pause.ts'

/**
 * Tries the plan's servers in turn until one runs the statement. It knows nothing of regions: where to go is the plan's
 * word, what a failure means is `interpret`'s.
 *
 * @throws pg's `DatabaseError` when the statement itself is at fault.
 * @throws `OutcomeUnknownError` when the connection died and the statement may have written.
 * @throws `NoServerError` when no server could run it.
 */
export async function walk<R, T>(journey: Journey<R, T>): Promise<T> {
  let { attempts } = journey
  let mishaps: Mishaps | undefined
  for (let i = 0; ; i++) {
    const attempt = attempts[i]
    if (attempt === undefined) {
      mishaps ??= createMishaps(journey)
      // oxlint-disable-next-line no-await-in-loop -- whoever is promoted is tried next
      if (!(await findsWriter(journey, mishaps))) throw journey.failed(mishaps.error())
      attempts = journey.replan()
      i = -1
      continue
    }
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
      // A failure is judged by what the server was when it was asked; a promotion may come with the reply.
      ;({ standby } = lease)
      // oxlint-disable-next-line no-await-in-loop -- as above
      const result = await journey.run(lease, attempt)
      ;({ standby } = lease)
      journey.giveBack(lease)
      if (mishaps?.showWrite(standby) === true) journey.learn()
      const failures = mishaps?.count ?? 0
      const reason = attempt.reason === 'unproven' ? attempt.reason : (mishaps?.reason ?? attempt.reason)
      return journey.arrived(result, { server, role: standby ? 'replica' : 'primary', reason, attempts: failures + 1 })
    } catch (error) {
      if (lease !== undefined) journey.giveBack(lease, error)
      // oxlint-disable-next-line no-await-in-loop -- as above
      if (error instanceof BehindError && (await journey.catchesUp(error))) {
        i--
        continue
      }
      mishaps ??= createMishaps(journey)
      const then = mishaps.add(server, lease === undefined ? undefined : { standby }, error)
      if (then === 'again') i--
      if (then === 'primary') {
        const before = mishaps
        attempts = journey.primaries().filter((primary) => !before.has(primary.server))
        i = -1
      }
      if (then === 'stop') throw journey.failed(mishaps.error())
    }
  }
}

/** Everything was tried, without effect: waits for somebody who takes writes. */
async function findsWriter(journey: Journey<unknown, unknown>, mishaps: Mishaps): Promise<boolean> {
  if (!journey.needsWriter() || !mishaps.mayWait) return false
  mishaps.waits()
  await pause(mishaps.rounds)
  const found = await journey.findWriter(mishaps.latest, performance.now() - mishaps.begunAt)
  return found && journey.signal?.aborted !== true
}
