import { isOtherCluster } from '../topology/cluster-identity.ts'
import { whyInvalid } from '../topology/invalid-member.ts'
import type { Problem, ProblemCode } from '../topology/problem.ts'
import { describeRefusals } from '../topology/refused-function.ts'
import { describeStall, describeStalledMembers, isStalled, stalledMembers } from '../topology/stalled-wal-reception.ts'
import { whyNoWrites } from '../topology/why-no-writes.ts'
import type { ServerState, Topology } from '../topology/topology-types.ts'

/** What a person should fix about a server; `undefined` if nothing. */
export function serverProblem(topology: Topology, server: ServerState): Problem | undefined {
  const place = isOtherCluster(topology, server) ? 'NEAREST_OTHER_CLUSTER' : 'NEAREST_WRONG_PLACE'
  return (
    problem(place, whyInvalid(topology, server)) ??
    problem('NEAREST_NO_EVIDENCE', noWrites(topology, server)) ??
    problem(server.problemCode ?? 'NEAREST_UNUSABLE', server.problem) ??
    problem('NEAREST_STALLED', stall(topology, server)) ??
    trait(server, topology.servers.length)
  )
}

function problem(code: ProblemCode, message: string | undefined): Problem | undefined {
  return message === undefined ? undefined : { code, message }
}

function stall(topology: Topology, server: ServerState): string | undefined {
  const members = stalledMembers(topology, server)
  if (members.length > 0) return describeStalledMembers(server, members)
  return isStalled(topology, server) ? describeStall(server) : undefined
}

/** Before the declared primary was heard, or could not be, it is too early to say. */
function noWrites(topology: Topology, server: ServerState): string | undefined {
  if (server.role !== 'primary') return undefined
  const isEarly = topology.servers.some(({ declared, health }) => declared === 'primary' && health === 'connecting')
  return isEarly ? undefined : whyNoWrites(topology, server)
}

function trait(server: ServerState, servers: number): Problem | undefined {
  if (server.readOnly) return problem('NEAREST_READ_ONLY', readOnly(server))
  if (!server.pipelines) return problem('NEAREST_NO_PIPELINES', noPipelines(server))
  if (server.members.length > 1) return problem('NEAREST_SEVERAL_SERVERS', balanced(server))
  if (server.sslIsOverridden === true) return problem('NEAREST_SSL_OVERRIDDEN', sslIsOverridden(server))
  // With one server nothing has to be proven.
  if (server.positions !== 'none' || servers === 1) return undefined
  return problem('NEAREST_NO_POSITIONS', `${server.name} ${describeRefusals(server.refused)}`)
}

/** The likeliest first. */
export const WHY_READ_ONLY =
  'Does the role or the database have that setting (ALTER ROLE or DATABASE … RESET default_transaction_read_only)? If the whole server has it: was it fenced, or is its disk full?'

function readOnly({ name }: ServerState): string {
  return `${name} is a primary that takes no writes: default_transaction_read_only is on there. ${WHY_READ_ONLY}`
}

function balanced({ name, members }: ServerState): string {
  return `${name} leads to ${members.length} servers in turn: each connection is asked which one it has, so nothing stale is read, but some reads go to the primary instead. Where each has a name of its own, list those.`
}

function sslIsOverridden({ name }: ServerState): string {
  return `${name}: the option ssl has no effect there, because sslmode (or the like) in its URL counts, as in pg. Take one of the two out.`
}

function noPipelines({ name }: ServerState): string {
  return `${name} does not answer what is sent at once, as some poolers do not, so that transactions and sessions take more round trips there: set pipeline: false if that is to stay, and nothing is tried.`
}
