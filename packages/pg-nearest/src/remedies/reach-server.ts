import { identifier, isReady, onPrimary, optionOf, otherUrl, psql, word } from './commands.ts'
import type { ExaminedServer } from '../examination/examination-facts.ts'
import { flyAppOf, isManaged, type ServerLocation } from '../examination/server-endpoint.ts'

const INSIDE = 'fly ssh console --app <your app>, and doctor there (or fly wireguard create, here)'

/** A name without an address. Fly's private names exist in its network only, and there only for machines that run. */
export function findHost({ place, machines }: ExaminedServer): string {
  const app = flyAppOf(place)
  if (isManaged(place)) return `${INSIDE}: such names exist only in Fly's network`
  if (app === undefined) return `getent hosts ${place.host}`
  if (machines === undefined)
    return `${INSIDE}: such names exist only in Fly's network. Inside: fly machine list --app ${app}`
  const here = machines.filter(({ region }) => region === place.region)
  const stopped = here.find(({ started }) => !started)
  if (stopped !== undefined && !here.some(({ started }) => started))
    return `fly machine start ${stopped.id} --app ${app}`
  if (here.length === 0 && place.declared === 'replica' && place.region !== undefined) {
    const list =
      place.source?.from === 'options'
        ? `leave out ${optionOf(place, '…')}`
        : `take ${place.region} out of REPLICA_REGIONS`
    return `${list}, or, for a replica there: fly machine clone <id of a machine> --region ${place.region} --app ${app}`
  }
  return `fly machine list --app ${app}, and fly ips list --app ${app} where the name ends in .flycast`
}

/** Nothing comes back from there. */
export function reachHost({ place, machines }: ExaminedServer): string {
  const app = flyAppOf(place)
  if (app === undefined) return `nc -vz ${place.host} ${place.port}`
  return machines === undefined ? INSIDE : `fly machine list --app ${app}`
}

/** A password belongs to the role, on every server: where the primary takes it, this server's URL is wrong. */
export function letIn({ place, server, servers, places, primary }: ExaminedServer): string {
  const { user = 'app', database = 'all' } = place
  if (/\bpg_hba\.conf\b/.test(server.problem ?? '')) {
    const line = `host ${word(database)} ${word(user)} <address of this machine>/32 scram-sha-256`
    return `the line "${line}" in its pg_hba.conf (${psql(place, 'show hba_file')}), and then ${psql(place, 'select pg_reload_conf()')}`
  }
  const url = otherUrl(place, `postgres://${user}:<password>@…`)
  return isTakenElsewhere(user, servers, places)
    ? url
    : `${url}, or, where that has the right one: ${onPrimary(primary, String.raw`\password ${identifier(user)}`)}`
}

function isTakenElsewhere(
  user: string,
  servers: ExaminedServer['servers'],
  places: ReadonlyMap<string, ServerLocation>,
): boolean {
  return servers.some(({ name, health }) => health === 'up' && places.get(name)?.user === user)
}

/** A standby has its primary's databases. */
export function createDatabase({ place, servers, places, primary }: ExaminedServer): string {
  const { database = 'app', user = 'app', host, port } = place
  const others = servers.flatMap(({ name, health }) => (health === 'up' ? (places.get(name)?.database ?? []) : []))
  const [another] = others
  if (others.includes(database)) return `${isReady(place)}, and npx pg-nearest wait: the others have it`
  if (another !== undefined) return otherUrl(place, `postgres://…/${another}`)
  const { host: at, port: on } = primary.host === '<the primary>' ? { host, port } : primary
  return `${otherUrl(place, 'postgres://…/<the database>')}, or, if that is its name: createdb -h ${at} -p ${on} -U postgres -O ${word(user)} ${word(database)}`
}
