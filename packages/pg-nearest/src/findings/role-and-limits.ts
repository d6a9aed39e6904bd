import type { ServerStatus } from '../servers/status.ts'
import type { PoolLimits, ServerFacts } from '../examination/examination-facts.ts'
import type { Finding, Say } from './finding.ts'
import { identifier, onPrimary } from '../remedies/commands.ts'
import { flyAppOf, type PrimaryLocation } from '../examination/server-endpoint.ts'

/** The monitor's. */
const OWN_CONNECTIONS = 1

/** What the role may do. Roles and rights are the same on every server of a cluster, so the primary's are enough. */
export function rightsOf(
  { role, tables, unusedSlots = [] }: ServerFacts,
  place: PrimaryLocation,
  servers: readonly ServerStatus[],
  { max }: PoolLimits,
  say: Say,
): readonly Finding[] {
  const slots = unusedSlots.map((slot) => slotOf(slot, place, servers, say))
  if (role === undefined) return slots
  const name = identifier(role.name)
  const found: Finding[] = []
  if (role.superuser) {
    found.push(
      say.unknown('DOCTOR_SUPERUSER', `knows ${role.name} as a superuser`, {
        why: 'An injected statement could do anything, the server’s programs and files included; and no limit of connections holds.',
        mend: ordinaryRole(place, role.name),
      }),
    )
  } else if (tables !== undefined && tables.unreadable > 0) found.push(unreadable(tables, name, place, say))
  else found.push(say.good(`lets ${role.name} read its tables`))
  return [...slots, ...found, ...connectionsOf(role, place, max, say)]
}

/** A replica that is away needs its slot to come back. */
function slotOf(slot: string, place: PrimaryLocation, servers: readonly ServerStatus[], say: Say): Finding {
  const message = `keeps WAL for the replication slot ${slot}, which nothing reads`
  const why = 'The disk fills up, and then the primary takes no more writes.'
  const drop = onPrimary(place, `select pg_drop_replication_slot('${slot.replaceAll("'", "''")}')`)
  const away = servers.find(
    ({ role, health, receiving }) => role !== 'primary' && (health !== 'up' || receiving === false),
  )
  if (away === undefined) return say.bad('DOCTOR_UNUSED_SLOT', message, { why, mend: drop })
  const mend = `first what is wrong with ${away.name}, which may need it to catch up; if nothing will ever read it: ${drop}`
  return say.unknown('DOCTOR_UNUSED_SLOT', message, { why, mend })
}

function unreadable(
  tables: NonNullable<ServerFacts['tables']>,
  name: string,
  place: PrimaryLocation,
  say: Say,
): Finding {
  const schemas = tables.schemas.map(identifier).join(', ')
  const remedy = {
    why: 'Reads of them fail, on every server.',
    mend: onPrimary(
      place,
      `grant usage on schema ${schemas} to ${name}`,
      `grant select on all tables in schema ${schemas} to ${name}`,
    ),
  }
  const message = `does not let ${name} read ${tables.unreadable} of ${tables.count} tables`
  // Some may be kept from it on purpose.
  return tables.unreadable === tables.count
    ? say.bad('DOCTOR_TABLES', message, remedy)
    : say.unknown('DOCTOR_TABLES', message, remedy)
}

function connectionsOf(
  { name, connections, databaseConnections, superuser }: NonNullable<ServerFacts['role']>,
  place: PrimaryLocation,
  max: number,
  say: Say,
): readonly Finding[] {
  if (superuser) return []
  const database = place.database ?? 'app'
  const limited: readonly (readonly [what: string, limit: number])[] = [
    [`role ${identifier(name)}`, connections],
    [`database ${identifier(database)}`, databaseConnections],
  ]
  return limited
    .filter(([, limit]) => limit >= 0 && limit < max + OWN_CONNECTIONS)
    .map(([what, limit]) =>
      say.bad(
        'DOCTOR_FEW_CONNECTIONS',
        `gives the ${what} ${limit} connections, and one pool opens up to ${max + OWN_CONNECTIONS}`,
        {
          why: 'Statements wait for connections that the server refuses; every further process of the app needs as many again.',
          mend: `${onPrimary(place, `alter ${what} connection limit -1`)}, or POOL_SIZE=${Math.max(1, limit - OWN_CONNECTIONS)}`,
        },
      ),
    )
}

/** On Fly `attach` makes a superuser unless it is told not to. @see https://fly.io/docs/flyctl/postgres-attach/ */
function ordinaryRole(place: PrimaryLocation, superuser: string): string {
  const app = flyAppOf(place)
  const name = superuser === 'app' ? 'app_user' : 'app'
  return app === undefined
    ? onPrimary(
        place,
        `create role ${name} login password '…'`,
        `grant select, insert, update, delete on all tables in schema public to ${name}`,
      )
    : `fly postgres attach ${app} --superuser=false --database-user <another> --app <the app>`
}
