import type { ProblemCode, ServerStatus, Status } from '../servers/status.ts'
import { duration } from '../terminal/format.ts'
import { conflictsOf } from './conflicts.ts'
import { distanceOf } from './distance.ts'
import type { Examination } from './examination.ts'
import { sayOf, type Finding, type Say } from './finding.ts'
import { fromHere } from './from-here.ts'
import { machinesOf } from './machines.ts'
import { otherUrl, startIt } from './mend.ts'
import type { Place } from './place.ts'
import { remedyOf } from './remedies.ts'
import { replicationOf } from './replication.ts'
import { rightsOf } from './rights.ts'
import { wayOf } from './way.ts'

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
  const { status, places, facts: known, limits } = examination
  const { name, health, role, declared, rttMs, version } = server
  const say = sayOf(name)
  const place = places.get(name) ?? unknownPlace(server)
  const problem = problemOf(server, place, say)
  if (health !== 'up') return [problem ?? silent(place, say)]
  const facts = known.get(name)
  const primary = status.servers.find((each) => each.role === 'primary' && each.health === 'up')
  const answers = say.good(`answers within ${duration(rttMs ?? 0)}, PostgreSQL ${version ?? '?'}`)
  const around = [...wayOf(server, place, facts, limits, say), ...distanceOf(server, place, status, say)]
  if (problem !== undefined && server.pipelines) return [answers, problem, ...around]
  return [
    answers,
    ...versionOf(version, place, say),
    roleOf(role, declared, place, say),
    ...(role === 'replica' ? replicationOf(server, place, facts, primary, say) : []),
    ...(role === 'replica' && facts !== undefined ? conflictsOf(facts, place, say) : []),
    ...(role === 'primary' && facts !== undefined ? rightsOf(facts, place, limits, say) : []),
    problem ?? say.good('answers several statements that are sent at once'),
    ...around,
  ]
}

function roleOf(role: string, declared: string, place: Place, say: Say): Finding {
  if (role === declared) return say.good(`is a ${role}, as the list has it`)
  return say.bad('DOCTOR_OTHER_ROLE', `is a ${role}, and the list calls it a ${declared}`, {
    why: 'Until a failover has ended, or the list is corrected, reads or writes cross the ocean.',
    mend: otherUrl(place),
  })
}

function versionOf(version: string | undefined, place: Place, say: Say): readonly Finding[] {
  const major = Number.parseInt(version ?? '', 10)
  if (Number.isNaN(major) || major >= OLDEST_MAJOR) return []
  return [
    say.bad('DOCTOR_OLD_VERSION', `runs PostgreSQL ${version}, which PostgreSQL no longer mends`, {
      why: 'It gets no more security fixes, and nothing here is tested on it.',
      mend: `pg_upgrade, on ${place.host}`,
    }),
  ]
}

function silent(place: Place, say: Say): Finding {
  return say.bad('DOCTOR_SILENT', 'did not answer in time', {
    why: 'Reads go further away meanwhile.',
    mend: startIt(place),
  })
}

/** A region without a server is allowed, and may also be a typing error. */
function regionOf({ region, servers }: Status): readonly Finding[] {
  const known = [...new Set(servers.flatMap((server) => server.region ?? []))]
  if (region === undefined || known.length === 0 || known.includes(region)) return []
  return [
    sayOf(undefined).unknown('DOCTOR_NO_SUCH_REGION', `No server is in ${region}: they are in ${known.join(', ')}.`, {
      why: 'Reads go to the nearest by time, if it is spelled as it is there.',
      mend: `MY_REGION=${known.at(-1)}, or a replica in ${region}`,
    }),
  ]
}

function readsOf(status: Status): Finding {
  const reader = status.servers.find(({ readFrom, health }) => readFrom && health === 'up')
  const from = fromHere(status)
  const say = sayOf(undefined)
  if (reader !== undefined) return say.good(`Reads ${from} go to ${reader.name}.`)
  return say.bad('DOCTOR_NO_READS', `Reads ${from} have nowhere to go.`, {
    why: 'Nothing can be read or written.',
    mend: 'npx pg-nearest doctor, again, once what is said of each server is mended',
  })
}

/** The problem is a whole sentence that begins with the server's name, as the line does. */
function problemOf(server: ServerStatus, place: Place, say: Say): Finding | undefined {
  const { name, problem, problemCode } = server
  if (problem === undefined) return undefined
  const message = problem.startsWith(`${name} `) ? problem.slice(name.length + 1) : problem
  const code: ProblemCode = problemCode ?? 'NEAREST_UNUSABLE'
  return say.bad(code, message, remedyOf(code, { place, server }))
}

/** Of a server that has left the list. */
function unknownPlace({ name, region, declared }: ServerStatus): Place {
  return { host: name, port: 5432, user: undefined, database: undefined, region, declared }
}
