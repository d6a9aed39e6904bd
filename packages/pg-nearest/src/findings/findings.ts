import type { ProblemCode, ServerStatus, Status } from '../servers/status.ts'
import { duration } from '../terminal/format.ts'
import { conflictsOf } from './recovery-conflicts.ts'
import { distanceOf } from './region-plausibility.ts'
import type { Examination } from '../examination/examination-facts.ts'
import { sayOf, type Finding, type Say } from './finding.ts'
import { describeOwnRegion } from './describe-own-region.ts'
import { machinesOf } from './fly-machines.ts'
import { changePlaces } from '../remedies/swap-primary-and-replica.ts'
import { otherUrl, startIt } from '../remedies/commands.ts'
import type { ExaminedServer } from '../examination/examination-facts.ts'
import {
  isInPlace,
  placeOf,
  primaryLocationOf,
  writerOf,
  type ServerLocation,
  type PrimaryLocation,
} from '../examination/server-endpoint.ts'
import { mistakenCluster } from './mistaken-cluster.ts'
import { regionOf } from './own-region.ts'
import { remedyOf } from '../remedies/remedies.ts'
import { replicationOf } from './replication.ts'
import { rightsOf } from './role-and-limits.ts'
import { wayOf } from './connection-path.ts'

/** @see docs/versions.md */
const OLDEST_MAJOR = 15

/** Everything that was looked at, server by server: what is right and what is not. */
export function findingsOf(examination: Examination): readonly Finding[] {
  const { status } = examination
  return [
    ...status.servers.flatMap((server) => findingsOfServer(server, examination)),
    ...machinesOf(examination),
    ...regionOf(status),
    readsOf(status),
  ]
}

function findingsOfServer(server: ServerStatus, examination: Examination): readonly Finding[] {
  const { status, places, machines, facts: known, limits } = examination
  const { servers } = status
  const { name, health, role, rttMs, version } = server
  const say = sayOf(name)
  const place = placeOf(server, places)
  const primary = primaryLocationOf(servers, places)
  const examined: ExaminedServer = { server, place, servers, places, machines, primary }
  const problem = mistakenCluster(examined, examination.cluster, say) ?? problemOf(examined, say)
  if (health !== 'up') return [problem ?? silent(place, say)]
  const facts = known.get(name)
  const answers = say.good(`answers within ${duration(rttMs ?? 0)}, PostgreSQL ${version ?? '?'}`)
  const around = [...wayOf(examined, facts, limits, say), ...distanceOf(server, place, status, say)]
  if (problem !== undefined && server.pipelines) return [answers, problem, ...around]
  return [
    answers,
    ...versionOf(version, primary, say),
    roleOf(examined, say),
    ...(role === 'replica' ? replicationOf(examined, facts, writerOf(servers), say) : []),
    ...(role === 'replica' && facts !== undefined ? conflictsOf(facts, place, say) : []),
    ...(role === 'primary' && facts !== undefined ? rightsOf(facts, primary, servers, limits, say) : []),
    problem ?? say.good('answers several statements that are sent at once'),
    ...around,
  ]
}

function roleOf({ server, place, servers, places }: ExaminedServer, say: Say): Finding {
  const { role, declared } = server
  if (isInPlace(server, servers)) return say.good(`is a ${role}, as the list has it`)
  return say.bad('DOCTOR_OTHER_ROLE', `is a ${role}, and the list calls it a ${declared}`, {
    why: 'Until a failover has ended, or the list is corrected, reads or writes cross the ocean.',
    mend: changePlaces(servers, places) ?? otherUrl(place),
  })
}

function versionOf(version: string | undefined, primary: PrimaryLocation, say: Say): readonly Finding[] {
  const major = Number.parseInt(version ?? '', 10)
  if (Number.isNaN(major) || major >= OLDEST_MAJOR) return []
  return [
    say.bad('DOCTOR_OLD_VERSION', `runs PostgreSQL ${version}, which PostgreSQL no longer mends`, {
      why: 'It gets no more security fixes, and nothing here is tested on it.',
      mend: `pg_upgrade, on ${primary.host}, and then each replica anew from it`,
    }),
  ]
}

function silent(place: ServerLocation, say: Say): Finding {
  return say.bad('DOCTOR_SILENT', 'did not answer in time', {
    why: 'Reads go further away meanwhile.',
    mend: startIt(place),
  })
}

function readsOf(status: Status): Finding {
  const { servers } = status
  const reader = servers.find(({ readFrom, health }) => readFrom && health === 'up')
  const from = describeOwnRegion(status)
  const say = sayOf(undefined)
  if (reader !== undefined) return say.good(`Reads ${from} go to ${reader.name}${unlessWritten(reader, servers)}.`)
  return say.bad('DOCTOR_NO_READS', `Reads ${from} have nowhere to go.`, {
    why: 'Nothing can be read or written.',
    mend: 'npx pg-nearest doctor, again, once what is said of each server is mended',
  })
}

/** A replica that is not known to follow the primary shows nobody his own writes. */
function unlessWritten(reader: ServerStatus, servers: readonly ServerStatus[]): string {
  const writer = writerOf(servers)
  if (writer === undefined || reader.role === 'primary' || reader.timeline === writer.timeline) return ''
  return `, and those of sessions that have written to ${writer.name}`
}

/** The problem is a whole sentence that begins with the server's name, as the line does. */
function problemOf(examined: ExaminedServer, say: Say): Finding | undefined {
  const { name, problem, problemCode } = examined.server
  if (problem === undefined) return undefined
  const message = problem.startsWith(`${name} `) ? problem.slice(name.length + 1) : problem
  const code: ProblemCode = problemCode ?? 'NEAREST_UNUSABLE'
  return say.bad(code, message, remedyOf(code, examined))
}
