import type { Lease } from '../pooled-connection/lease.ts'
import { runWithinAsync, type RunLimits } from '../send/run-with-cancellation.ts'
import { walk } from '../walk/walk.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import type { Attempt } from '../route/plan-servers.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { borrowedClientExecution } from './connection-keeping-execution.ts'

/**
 * Holds a connection to the first of these servers that can be reached; with `begin`, to the first on which that succeeds. `begin`
 * must have no effect that outlives its connection.
 *
 * @param limits - of whatever is sent at that moment: getting a connection takes some of the time.
 * @param mayWait - whether to wait for somebody who takes writes, if none of them can be reached.
 * @throws what `walk` throws.
 */
export function takeConnection(
  client: ClientContext,
  text: string,
  attempts: readonly Attempt[],
  limits: () => RunLimits,
  begin?: (lease: Lease, onEnd: (end: StatementEnd) => void) => void,
  mayWait = true,
): Promise<void> {
  return walk(
    borrowedClientExecution<undefined, void>(client, {
      facts: { reads: false, readOnly: false, harmless: true, mayCommitInside: false },
      text,
      signal: limits().signal,
      attempts,
      mayWait,
      learns: false,
      run: async (lease) => {
        if (begin === undefined) return { kind: 'result', result: undefined }
        const end = await runWithinAsync<StatementEnd>(lease, limits(), (onEnd) => begin(lease, onEnd), undefined)
        if (end.kind === 'result') return { kind: 'result', result: undefined }
        return end.kind === 'skipped' ? notRun() : end
      },
      succeeded: () => undefined,
    }),
  )
}

function notRun(): Evidence {
  return { kind: 'unsent', error: new Error('The statement was skipped') }
}
