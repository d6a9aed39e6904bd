import { OptionError } from '../errors.ts'
import { runObserved, type ObservedPool, type Observer } from '../replay/count-primary-trips.ts'
import type { Middleware } from '../http-middleware/middleware-types.ts'

export type { ObservedPool } from '../replay/count-primary-trips.ts'

/** What one server has answered to one request. */
interface Answers {
  readonly reasons: Map<string, number>
  durationMs: number
}

/**
 * Tells in each response's `Server-Timing` which servers have answered its statements until then, how many and why, and how long they took.
 *
 * @throws OptionError for what is no pool.
 */
export function serverTimingMiddleware(pool: ObservedPool): Middleware {
  if (typeof (pool as ObservedPool | undefined)?.on !== 'function')
    throw new OptionError('pool', 'pool must be what createPool returns.')
  return () => {
    const byServer = new Map<string, Answers>()
    const note: Observer = (event) => addTo(byServer, event)
    return {
      kind: 'here',
      run: (work) => runObserved(pool, note, work),
      headerWriter: (status) =>
        status < 200 || byServer.size === 0
          ? undefined
          : (headers) => headers.append('server-timing', [...byServer].map(metricOf).join(', ')),
      end: () => undefined,
    }
  }
}

function addTo(byServer: Map<string, Answers>, { servedBy, durationMs }: Parameters<Observer>[0]): void {
  // An answer without an attempt, as to BEGIN, was not waited for.
  if (servedBy === undefined || servedBy.attempts === 0) return
  const { server, reason } = servedBy
  const answers = byServer.get(server) ?? { reasons: new Map(), durationMs: 0 }
  byServer.set(server, answers)
  answers.reasons.set(reason, (answers.reasons.get(reason) ?? 0) + 1)
  answers.durationMs += durationMs
}

/** A metric's name is a token, which a server's need not be. */
function metricOf([server, { reasons, durationMs }]: [string, Answers]): string {
  const name = server.replaceAll(/[^\w!#$%&'*+.^`|~-]/g, '_')
  const counts = [...reasons].map(([reason, times]) => `${times} ${reason}`).join(' ')
  return `db-${name};desc="${counts}";dur=${durationMs.toFixed(1)}`
}
