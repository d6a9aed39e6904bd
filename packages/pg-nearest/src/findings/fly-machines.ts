import type { Examination } from '../examination/examination-facts.ts'
import { sayOf, type Finding } from './finding.ts'
import { flyAppOf } from '../examination/server-endpoint.ts'

/** What Fly's DNS says of the database's machines, against the list. */
export function machinesOf({ machines, places, status }: Examination): readonly Finding[] {
  const app = [...places.values()].map(flyAppOf).find((found) => found !== undefined)
  if (app === undefined || machines === undefined) return []
  const say = sayOf(undefined)
  const stopped = machines
    .filter(({ started }) => !started)
    .map(({ id, region }) =>
      say.bad('DOCTOR_MACHINE_STOPPED', `The machine ${id} of ${app} in ${region} is stopped.`, {
        why: 'DNS leaves out machines that do not run: its region reads further away, and it falls behind.',
        mend: `fly machine start ${id} --app ${app}`,
      }),
    )
  const listed = new Set(status.servers.flatMap(({ region }) => region ?? []))
  const regions = new Set(machines.map(({ region }) => region))
  const unlisted = [...regions].filter((region) => !listed.has(region))
  if (unlisted.length === 0) return stopped
  const list = [...regions].toSorted().join(',')
  return [
    ...stopped,
    say.unknown(
      'DOCTOR_REGION_NOT_LISTED',
      `${app} has machines in ${unlisted.join(', ')}, and the list does not name them.`,
      {
        why: 'Whoever reads there crosses an ocean to a server that is listed.',
        mend: `REPLICA_REGIONS=${list} in fly.toml's [env], or fly({ discover: true })`,
      },
    ),
  ]
}
