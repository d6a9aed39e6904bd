import type { ProblemCode, ServerStatus, Status } from '../servers/status.ts'
import type { Replay } from './replay.ts'
import { bytes, duration } from '../terminal/format.ts'
import { fromHere } from './from-here.ts'

/** One thing that was checked. */
export interface Finding {
  /** `undefined`: it concerns all servers. */
  readonly server: string | undefined
  /** `unknown`: it could not be checked. */
  readonly verdict: 'good' | 'bad' | 'unknown'
  /** What was found, and what to do if it is bad. */
  readonly message: string
  /** For what `problem` events tell, too: the code that they have. */
  readonly code?: ProblemCode | undefined
}

type Say = (verdict: Finding['verdict'], message: string) => Finding

/** A replica that is further behind is worth a warning: reads of sessions go elsewhere meanwhile. */
const MUCH_LAG_MS = 10_000

/**
 * The checks for a status.
 *
 * @param replays - what the replicas that are behind have said of their replay, by name
 */
export function findingsOf(status: Status, replays: ReadonlyMap<string, Replay> = new Map()): readonly Finding[] {
  const { servers } = status
  const reader = servers.find(({ readFrom, health }) => readFrom && health === 'up')
  const from = fromHere(status)
  const reads: Finding =
    reader === undefined
      ? { server: undefined, verdict: 'bad', message: `Reads ${from} have nowhere to go.` }
      : { server: undefined, verdict: 'good', message: `Reads ${from} go to ${reader.name}.` }
  return [
    ...servers.flatMap((server) => findingsOfServer(server, servers, replays.get(server.name))),
    ...findingsOfRegion(status),
    reads,
  ]
}

/** A region without a server is allowed, and may also be a typing error. */
function findingsOfRegion({ region, servers }: Status): readonly Finding[] {
  const known = [...new Set(servers.flatMap((server) => server.region ?? []))]
  if (region === undefined || known.length === 0 || known.includes(region)) return []
  const message = `No server is in ${region}: they are in ${known.join(', ')}, and reads go to the nearest by time. Is it spelled as it is there?`
  return [{ server: undefined, verdict: 'unknown', message }]
}

function findingsOfServer(
  server: ServerStatus,
  all: readonly ServerStatus[],
  replay: Replay | undefined,
): readonly Finding[] {
  const say = (verdict: Finding['verdict'], message: string): Finding => ({ server: server.name, verdict, message })
  const { health, role, declared, rttMs, version } = server
  const problem = problemOf(server)
  if (health !== 'up') return [problem ?? say('bad', 'did not answer in time: check its URL.')]
  const answers = say('good', `answers within ${duration(rttMs ?? 0)}, PostgreSQL ${version ?? '?'}`)
  if (problem !== undefined && server.pipelines) return [answers, problem]
  return [
    answers,
    role === declared
      ? say('good', `is a ${role}, as the list has it`)
      : say(
          'bad',
          `is a ${role}, and the list calls it a ${declared}: correct the list, or wait for a failover to end`,
        ),
    ...(role === 'replica' ? findingsOfReplica(server, all, replay, say) : []),
    server.pipelines
      ? say('good', 'answers several statements that are sent at once')
      : (problem ?? say('bad', 'does not answer several statements that are sent at once')),
  ]
}

function findingsOfReplica(
  server: ServerStatus,
  all: readonly ServerStatus[],
  replay: Replay | undefined,
  say: Say,
): readonly Finding[] {
  const primary = all.find(({ role, health }) => role === 'primary' && health === 'up')
  if (primary === undefined) return [say('unknown', 'cannot be compared: no primary answers')]
  const { timeline, timelineIsLate } = server
  const follows =
    timeline === undefined
      ? say('unknown', 'does not say which timeline it follows: grant pg_monitor to its user')
      : timeline === primary.timeline
        ? say('good', `follows ${primary.name}`)
        : timelineIsLate
          ? say(
              'unknown',
              `was on timeline ${timeline} at its last checkpoint, and ${primary.name} is on ${primary.timeline}: grant pg_monitor to its user, so that it tells at once`,
            )
          : say(
              'bad',
              `is on timeline ${timeline}, and ${primary.name} on ${primary.timeline}: point it at ${primary.name}`,
            )
  const alone: readonly Finding[] =
    server.receiving === false
      ? [say('unknown', 'runs no walreceiver, so that nothing more comes, unless it is fed from an archive')]
      : []
  return [follows, ...alone, lagOf(server, replay, say)]
}

function lagOf({ lagBytes, stalenessMs }: ServerStatus, replay: Replay | undefined, say: Say): Finding {
  if (lagBytes === undefined) return say('unknown', 'does not say how far it is behind')
  const behind = `is ${bytes(lagBytes)} behind`
  if (replay?.paused === true) {
    return say('bad', `${behind}, and its replay is paused: select pg_wal_replay_resume() there`)
  }
  const lateMs = stalenessMs ?? replay?.ageMs
  if (lateMs === undefined) return say('unknown', `${behind}, and for how long is not known`)
  const late = lateMs > MUCH_LAG_MS
  const message = `${behind}, at most ${duration(lateMs)}`
  return say(late ? 'bad' : 'good', late ? `${message}: look at its replication` : message)
}

/** The problem is a whole sentence that begins with the server's name, as the line does. */
function problemOf({ name, problem, problemCode }: ServerStatus): Finding | undefined {
  if (problem === undefined) return undefined
  const message = problem.startsWith(`${name} `) ? problem.slice(name.length + 1) : problem
  return { server: name, verdict: 'bad', message, code: problemCode }
}
