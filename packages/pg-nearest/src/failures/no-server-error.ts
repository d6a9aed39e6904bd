import { NoServerError, type Candidate, type FailedAttempt, type NoServerCode } from '../errors.ts'
import { codeOf, isAuthenticationFailure } from '../driver-errors.ts'
import { describeFailure } from './describe-failure.ts'
import { serverProblem } from './server-problem.ts'
import type { Topology } from '../topology/topology-types.ts'

/** Why no further attempt was made. */
export type GaveUp = 'nobody-left' | 'no-primary' | 'budget'

/** The list that the option `servers` gives: none of it has come so far, it could not be read, or there is one (or no such option). */
export type ListState = 'awaited' | 'failed' | 'known'

const why: Readonly<Record<GaveUp, string>> = {
  'nobody-left': 'No server could run the statement.',
  'no-primary': 'No server that takes writes was found within failoverTimeoutMs.',
  budget:
    'No server could run the statement, and it was not tried again: too much of what was sent lately had to be sent again.',
}

const ofList: Readonly<Record<ListState, readonly string[]>> = {
  awaited: [
    'The list of servers was still being fetched, so only those of the configuration were tried: if it takes long, raise failoverTimeoutMs, or name a server in "primary" that can be reached from the start.',
  ],
  failed: [
    'The list of servers could not be fetched so far, so only those of the configuration were tried: the event "problem" says why.',
  ],
  known: [],
}

/** The error for a statement that no server could run, with what each of them said. */
export function noServerError(
  attempts: readonly FailedAttempt[],
  candidates: readonly Candidate[],
  gaveUp: GaveUp,
  list: ListState,
): NoServerError {
  const latest = new Map(attempts.map(({ server, error }) => [server, error]))
  const said = [...latest].map(([server, error]) => describeFailure(server, error).message)
  const untried = candidates.flatMap(({ server, role, problem }) => {
    if (latest.has(server)) return []
    return problem ?? (gaveUp === 'no-primary' && role === 'replica' ? `${server} is a replica.` : [])
  })
  return new NoServerError(
    [why[gaveUp], ...ofList[list], ...said, ...untried].join(' '),
    attempts,
    candidates,
    noServerCode(attempts),
  )
}

function noServerCode(attempts: readonly FailedAttempt[]): NoServerCode {
  const every = (holds: (error: unknown) => boolean): boolean =>
    attempts.length > 0 && attempts.every(({ error }) => holds(error))
  if (every((error) => codeOf(error) === 'NEAREST_PASSWORD')) return 'NEAREST_PASSWORD'
  return every(isAuthenticationFailure) ? 'NEAREST_AUTHENTICATION' : 'NEAREST_NO_SERVER'
}

export function candidatesOf(topology: Topology): readonly Candidate[] {
  return topology.servers.map((server) => {
    const { name, region, role, health } = server
    const problem = serverProblem(topology, server)
    return { server: name, region, role, health, problem: problem?.message, problemCode: problem?.code }
  })
}
