import type { ProblemCode } from '../servers/status.ts'
import { changePlaces } from './swap-primary-and-replica.ts'
import { isReady, onPrimary, otherUrl, psql, setting, startIt, streamFrom, identifier } from './commands.ts'
import { flyAppOf, isPrivate, type ServerLocation } from '../examination/server-endpoint.ts'
import { createDatabase, findHost, letIn, reachHost } from './reach-server.ts'
import type { ExaminedServer } from '../examination/examination-facts.ts'
import { settleRivals, stopIt } from './settle-rivals.ts'

/** Why something matters, and the command that mends it. */
export interface Remedy {
  readonly why: string
  readonly mend: string
}

const UNUSED = 'Nothing runs there meanwhile: reads go further away, and without the primary nothing is written.'
const WRONG_URL = 'What answers there is no server of this cluster, so it is not used.'

const URL_OF = ({ place }: ExaminedServer): string => otherUrl(place)
const withTls = ({ place }: ExaminedServer): string =>
  otherUrl(place, 'postgres://…?sslmode=verify-full&sslrootcert=<file>')
const look = ({ place }: ExaminedServer): string => isReady(place)
const start = ({ place }: ExaminedServer): string => startIt(place)
/** What takes connections and answers nothing is mostly a proxy in front of a server that is down. */
const startOrOtherUrl = ({ place }: ExaminedServer): string =>
  `${isReady(place)}; if it does not run: ${startIt(place)}; if another port is PostgreSQL's: ${otherUrl(place)}`

/** What is to be done about the problems that a running pool reports, too. */
const REMEDIES: Readonly<Record<ProblemCode, readonly [why: string, mend: (examined: ExaminedServer) => string]>> = {
  NEAREST_HOST_NOT_FOUND: [UNUSED, findHost],
  NEAREST_UNREACHABLE: [UNUSED, reachHost],
  NEAREST_NOTHING_LISTENS: [UNUSED, start],
  NEAREST_STOPPED: [UNUSED, start],
  NEAREST_STARTING: [UNUSED, look],
  NEAREST_UNUSABLE: [UNUSED, look],
  NEAREST_BEHIND: ['Reads that must show more go to another server.', look],
  NEAREST_NOT_POSTGRES: [WRONG_URL, URL_OF],
  NEAREST_TLS_ONLY: [UNUSED, ({ place }) => otherUrl(place, 'postgres://…?sslnegotiation=direct&sslmode=require')],
  NEAREST_CLOSED_PORT: [UNUSED, startOrOtherUrl],
  NEAREST_SILENT_PORT: [UNUSED, startOrOtherUrl],
  NEAREST_ADMIN_CONSOLE: [WRONG_URL, ({ place }) => otherUrl(place, 'postgres://…/<the database>')],
  NEAREST_NO_TLS: ['The URL asks for encryption, so no connection is made.', ({ place }) => encrypt(place)],
  NEAREST_CERTIFICATE: [
    'Anybody could pretend to be that server, so no connection is made.',
    (examined) => `what it says after the colon; where that is the CA: ${withTls(examined)}`,
  ],
  NEAREST_FILE: ['Without it no connection is made.', withTls],
  NEAREST_AUTHENTICATION: [UNUSED, letIn],
  NEAREST_PASSWORD: [UNUSED, () => 'createPool({ password: async () => … })'],
  NEAREST_STREAM: [UNUSED, () => 'createPool({ stream: () => … })'],
  NEAREST_NO_DATABASE: [UNUSED, createDatabase],
  NEAREST_FULL: ['New connections are refused, and statements wait.', moreConnections],
  NEAREST_OTHER_CLUSTER: ['Its data are others, so it is not used.', URL_OF],
  NEAREST_WRONG_PLACE: [
    'Reads “next door” would cross the ocean, and a primary that was replaced would take writes that are lost.',
    (examined) =>
      settleRivals(examined) ?? (isPrimaryItself(examined) ? otherUrl(examined.place) : stopIt(examined.place)),
  ],
  NEAREST_NO_EVIDENCE: [
    'A backup that was restored, or a branch, would take writes that are lost; so nothing is written there.',
    provePromotion,
  ],
  NEAREST_STALLED: [
    'What it shows grows older with every write, so reads avoid it.',
    ({ place, primary }) => streamFrom(place, primary.host),
  ],
  NEAREST_READ_ONLY: ['Every write fails.', takeWrites],
  NEAREST_NO_PIPELINES: [
    'Transactions and sessions take more round trips there.',
    () => 'createPool({ pipeline: false })',
  ],
  NEAREST_SEVERAL_SERVERS: [
    'What one of them shows proves nothing for the others, so that more reads go to the primary.',
    ({ place }) => otherUrl(place, 'postgres://<one of them>/…'),
  ],
  NEAREST_SSL_OVERRIDDEN: ['The connection may be less safe than the option says.', withTls],
  NEAREST_NO_POSITIONS: ['After a write a session reads from the primary, across the ocean.', tellPositions],
  NEAREST_SERVER_LIST: ['Servers that come or go are not noticed.', () => 'createPool({ servers: async () => … })'],
}

export function remedyOf(code: ProblemCode, examined: ExaminedServer): Remedy {
  const [why, mend] = REMEDIES[code]
  return { why, mend: mend(examined) }
}

/** The list has it twice: there is no other one that it could have been replaced by. */
function isPrimaryItself({ server: { declared, timeline }, servers }: ExaminedServer): boolean {
  return declared === 'replica' && servers.some((other) => other.declared === 'primary' && other.timeline === timeline)
}

/** Only with pg_monitor a role is told at once which timeline a replica follows. */
function provePromotion(examined: ExaminedServer): string {
  const { place, server, servers, places, primary } = examined
  const settled = settleRivals(examined)
  if (settled !== undefined) return settled
  const untold = servers.some(
    ({ health, timeline, timelineIsLate }) => health === 'up' && (timelineIsLate || timeline === undefined),
  )
  const grant = onPrimary(primary, `grant pg_monitor to ${identifier(place.user ?? 'app')}`)
  const list = changePlaces(servers, places) ?? otherUrl(place)
  return `if it was promoted: ${untold ? `${grant}, or ` : ''}${list}; if not, take ${server.name} out of the list`
}

/** With `ssl` on and no certificate a server does not start again. */
function encrypt(place: ServerLocation): string {
  if (isPrivate(place)) return otherUrl(place, 'postgres://…?sslmode=disable')
  return `a certificate there (ssl_cert_file, ssl_key_file), and then ${setting(place, 'set ssl = on')}`
}

/** A standby with fewer than its primary stops replaying. */
function moreConnections({ place, primary }: ExaminedServer): string {
  const app = flyAppOf(place)
  const more =
    app === undefined
      ? `${psql(place, 'alter system set max_connections = 200')} and a restart, replicas before their primary`
      : `fly postgres config update --max-connections 200 --app ${app}`
  const role = identifier(place.user ?? 'app')
  return `POOL_SIZE=<fewer>; or, where the role's limit is named: ${onPrimary(primary, `alter role ${role} connection limit -1`)}; or ${more}`
}

function takeWrites({ place, primary }: ExaminedServer): string {
  const name = 'default_transaction_read_only'
  const app = flyAppOf(place)
  const command = onPrimary(
    primary,
    // The administrator's own session has it, too.
    `set ${name} = off`,
    `alter role ${identifier(place.user ?? 'app')} reset ${name}`,
    `alter database ${identifier(place.database ?? 'app')} reset ${name}`,
    `alter system reset ${name}`,
    'select pg_reload_conf()',
  )
  // @see https://github.com/fly-apps/postgres-flex: at 90 % of the disk
  return app === undefined
    ? command
    : `fly volumes list --app ${app}: is one full? Then fly volumes extend <id>; else ${command}`
}

/** What is missing, as on Aurora, no GRANT can give. */
function tellPositions({ place, primary, server: { refused } }: ExaminedServer): string {
  const calls = refused.filter(({ code }) => code === '42501').map(({ call }) => call)
  if (calls.length === 0) return "createPool({ consistency: 'eventual' }), where old reads do no harm"
  return onPrimary(primary, `grant execute on function ${calls.join(', ')} to ${identifier(place.user ?? 'app')}`)
}
