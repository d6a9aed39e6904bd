import type { ExaminedServer } from '../examination/examination-facts.ts'
import { otherUrl } from '../remedies/commands.ts'
import type { Finding, Say } from './finding.ts'

/** A server of another cluster than the option `--cluster` says, and of no other one than the rest: then the option is the mistake. */
export function mistakenCluster(
  { server, servers, place }: ExaminedServer,
  cluster: string | undefined,
  say: Say,
): Finding | undefined {
  const { problemCode, systemIdentifier: read } = server
  if (problemCode !== 'NEAREST_OTHER_CLUSTER' || cluster === undefined || read === undefined) return undefined
  const told = servers.flatMap(({ systemIdentifier }) => systemIdentifier ?? [])
  if (told.some((each) => each !== read)) return undefined
  const isAlone = told.length === 1
  const others = isAlone ? '' : ', as every server that answers'
  return say.bad(problemCode, `belongs to the cluster ${read}${others}, and --cluster is ${cluster}`, {
    why: 'Its data are others than those that were asked for, so it is not used.',
    mend: isAlone ? `--cluster ${read}, if this is the one; if not: ${otherUrl(place)}` : `--cluster ${read}`,
  })
}
