import type { ProblemCode, ServerStatus } from '../servers/status.ts'
import type { Remedy } from './finding.ts'
import { cloneIt, identifier, otherUrl, psql, setting, startIt } from './mend.ts'
import { flyAppOf, type Place } from './place.ts'

interface Patient {
  readonly place: Place
  readonly server: ServerStatus
}

const UNUSED = 'Nothing runs there meanwhile: reads go further away, and without the primary nothing is written.'
const WRONG_URL = 'What answers there is no server of this cluster, so it is not used.'

const URL_OF: (patient: Patient) => string = ({ place }) => otherUrl(place)
const withTls: (patient: Patient) => string = ({ place }) =>
  otherUrl(place, 'postgres://…?sslmode=verify-full&sslrootcert=<file>')
const look: (patient: Patient) => string = ({ place: { host, port } }) => `pg_isready -h ${host} -p ${port}`
const start: (patient: Patient) => string = ({ place }) => startIt(place)

/** What is to be done about the problems that a running pool reports, too. */
const REMEDIES: Readonly<Record<ProblemCode, readonly [why: string, mend: (patient: Patient) => string]>> = {
  NEAREST_HOST_NOT_FOUND: [UNUSED, ({ place }) => cloneIt(place) ?? `getent hosts ${place.host}`],
  NEAREST_UNREACHABLE: [UNUSED, ({ place }) => flyMachines(place) ?? `nc -vz ${place.host} ${place.port}`],
  NEAREST_NOTHING_LISTENS: [UNUSED, start],
  NEAREST_STOPPED: [UNUSED, start],
  NEAREST_STARTING: [UNUSED, look],
  NEAREST_UNUSABLE: [UNUSED, look],
  NEAREST_BEHIND: ['Reads that must show more go to another server.', look],
  NEAREST_NOT_POSTGRES: [WRONG_URL, URL_OF],
  NEAREST_TLS_ONLY: [WRONG_URL, ({ place }) => otherUrl(place, 'postgres://…?sslnegotiation=direct&sslmode=require')],
  NEAREST_CLOSED_PORT: [WRONG_URL, URL_OF],
  NEAREST_SILENT_PORT: [WRONG_URL, URL_OF],
  NEAREST_ADMIN_CONSOLE: [WRONG_URL, URL_OF],
  NEAREST_NO_TLS: [
    'The URL asks for encryption, so no connection is made.',
    ({ place }) => setting(place, 'set ssl = on'),
  ],
  NEAREST_CERTIFICATE: ['Anybody could pretend to be that server, so no connection is made.', withTls],
  NEAREST_FILE: ['Without it no connection is made.', withTls],
  NEAREST_AUTHENTICATION: [
    UNUSED,
    ({ place }) => psql(place, String.raw`\password ${identifier(place.user ?? 'app')}`),
  ],
  NEAREST_PASSWORD: [UNUSED, () => 'createPool({ password: async () => … })'],
  NEAREST_STREAM: [UNUSED, () => 'createPool({ stream: () => … })'],
  NEAREST_NO_DATABASE: [
    UNUSED,
    ({ place: { host, port, database = 'app', user = 'app' } }) =>
      `createdb -h ${host} -p ${port} -U postgres -O ${user} ${database}, on the primary`,
  ],
  NEAREST_FULL: [
    'New connections are refused, and statements wait.',
    ({ place }) => {
      const app = flyAppOf(place)
      return app === undefined
        ? `${psql(place, 'alter system set max_connections = 200')}, and a restart`
        : `fly postgres config update --max-connections 200 --app ${app}`
    },
  ],
  NEAREST_OTHER_CLUSTER: ['Its data are others, so it is not used.', URL_OF],
  NEAREST_WRONG_PLACE: [
    'Reads “next door” would cross the ocean, and a primary that was replaced would take writes that are lost.',
    ({ place }) => [cloneIt(place), otherUrl(place)].filter((command) => command !== undefined).join(', or '),
  ],
  NEAREST_NO_EVIDENCE: ['A backup that was restored, or a branch, would take writes that are lost.', URL_OF],
  NEAREST_STALLED: [
    'What it shows grows older with every write, so reads avoid it.',
    ({ place }) => setting(place, "set primary_conninfo = 'host=<primary> port=… user=…'"),
  ],
  NEAREST_READ_ONLY: [
    'Every write fails.',
    ({ place }) =>
      psql(
        place,
        `alter role ${identifier(place.user ?? 'app')} reset default_transaction_read_only`,
        `alter database ${identifier(place.database ?? 'app')} reset default_transaction_read_only`,
        'alter system reset default_transaction_read_only',
        'select pg_reload_conf()',
      ),
  ],
  NEAREST_NO_PIPELINES: [
    'Transactions and sessions take more round trips there.',
    () => 'createPool({ pipeline: false })',
  ],
  NEAREST_SEVERAL_SERVERS: [
    'What one of them shows proves nothing for the others, so that more reads go to the primary.',
    ({ place }) => otherUrl(place, 'postgres://<one of them>/…'),
  ],
  NEAREST_SSL_OVERRIDDEN: ['The connection may be less safe than the option says.', withTls],
  NEAREST_NO_POSITIONS: [
    'After a write a session reads from the primary, across the ocean.',
    ({ place, server: { refused } }) =>
      psql(
        place,
        `grant execute on function ${refused.map(({ call }) => call).join(', ')} to ${identifier(place.user ?? 'app')}`,
      ),
  ],
  NEAREST_SERVER_LIST: ['Servers that come or go are not noticed.', () => 'createPool({ servers: async () => … })'],
}

export function remedyOf(code: ProblemCode, patient: Patient): Remedy {
  const [why, mend] = REMEDIES[code]
  return { why, mend: mend(patient) }
}

function flyMachines(place: Place): string | undefined {
  const app = flyAppOf(place)
  return app === undefined ? undefined : `fly machine list --app ${app}`
}
