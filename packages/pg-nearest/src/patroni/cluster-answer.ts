import { isIP } from 'node:net'
import { isHostName } from '../discovery/parse-dns-answers.ts'
import { regionOf } from '../discovery/region-code.ts'

/** A member of a cluster, as Patroni's REST API names it. */
export interface PatroniMember {
  readonly name: string
  readonly role: string
  readonly host: string
  readonly port: number
  /** Of the member's own API; `undefined` if it is none. */
  readonly apiUrl: string | undefined
  readonly tags: Readonly<Record<string, unknown>>
}

/** In lower case; `master` until Patroni 4. */
const LEADERS: ReadonlySet<string> = new Set(['leader', 'master', 'standby_leader'])

/**
 * The members in an answer to `GET /cluster`, the leader first, each place once.
 *
 * @see https://patroni.readthedocs.io/en/latest/rest_api.html
 * @throws Error for an answer without a leader, which says nothing
 */
export function membersIn(answer: unknown): readonly [PatroniMember, ...PatroniMember[]] {
  const members = isFields(answer) && Array.isArray(answer['members']) ? answer['members'] : []
  const found = members.flatMap((member) => (isFields(member) ? memberOf(member) : []))
  const leader = found.find(({ role }) => LEADERS.has(role))
  if (leader === undefined) throw new Error('the answer names no leader')
  const once = new Map(found.map((member) => [`${member.host} ${member.port}`, member]))
  once.delete(`${leader.host} ${leader.port}`)
  return [leader, ...once.values()]
}

/** The region in a member's tags: `tags: { region: nrt }` of its configuration. */
export function taggedRegion({ tags }: PatroniMember): string | undefined {
  return regionOf(tags['region'])
}

function memberOf(member: Fields): readonly PatroniMember[] {
  const { name, role, host, port, api_url: apiUrl, tags } = member
  if (typeof name !== 'string' || typeof role !== 'string' || typeof host !== 'string') return []
  if (isIP(host) === 0 && !isHostName(host)) return []
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) return []
  const own = typeof apiUrl === 'string' && /^https?:\/\//.test(apiUrl) && URL.canParse(apiUrl)
  return [
    {
      name,
      role: role.toLowerCase(),
      host,
      port,
      apiUrl: own ? new URL(apiUrl).origin : undefined,
      tags: isFields(tags) ? tags : {},
    },
  ]
}

type Fields = Readonly<Record<string, unknown>>

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
