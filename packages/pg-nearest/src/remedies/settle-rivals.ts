import type { ExaminedServer } from '../examination/examination-facts.ts'
import { flyAppOf, placeOf, type ServerLocation } from '../examination/server-endpoint.ts'

/** Of two that say they are the primary one must go, and which, only a person knows; `undefined` where no other one says so. */
export function settleRivals({ server, servers, places }: ExaminedServer): string | undefined {
  const rival = servers.find(
    ({ name, role, health, timeline }) =>
      name !== server.name && role === 'primary' && health === 'up' && timeline !== server.timeline,
  )
  if (rival === undefined) return undefined
  const [later, older] = (rival.timeline ?? 0) > (server.timeline ?? 0) ? [rival, server] : [server, rival]
  return (
    `if ${later.name} was promoted: ${stopIt(placeOf(older, places))}; ` +
    `if it is a backup or a branch: take ${later.name} out of the list`
  )
}

/** A primary that was replaced: what it has written since is lost to the others. */
export function stopIt(place: ServerLocation): string {
  const app = flyAppOf(place)
  return app === undefined
    ? `pg_ctl stop -D <its data directory>, on ${place.host}, and pg_rewind before it comes back as a replica`
    : `fly machine list --app ${app}, then fly machine stop <id> --app ${app}`
}
