import type { Question, Record } from './dns-message.ts'

/** One machine of an app, as seen from one region. */
export interface Machine {
  readonly id: string
  readonly region: string
  /** Of IPv4. AAAA records have it as `::ffff:127.0.0.1`. */
  readonly address: string
  readonly port: number
  readonly started: boolean
}

/** What the `.internal` names of one app are made of. */
export interface Zone {
  readonly app: string
  readonly machines: readonly Machine[]
  readonly ttlSeconds: number
  /** Milliseconds of round trip to a region, for `top<n>.nearest.of.<app>.internal`. */
  readonly distance: (region: string) => number
}

/**
 * The records for a question; empty if the name has none of the type, `undefined` if there is no such name.
 *
 * @see https://fly.io/docs/networking/private-networking/
 */
export function recordsFor(zone: Zone, { name, type }: Question): readonly Record[] | undefined {
  const plain = name.toLowerCase().replace(/\.$/, '')
  const suffix = `${zone.app}.internal`
  if (plain !== suffix && !plain.endsWith(`.${suffix}`)) return undefined
  const labels = plain
    .slice(0, -suffix.length)
    .split('.')
    .filter((label) => label !== '')
  const record = <T extends Record>(given: Omit<T, 'name' | 'ttl'>): T =>
    ({ ...given, name, ttl: zone.ttlSeconds }) as T
  const text = textOf(zone, labels)
  if (text !== undefined) return type === 'TXT' && text !== '' ? [record({ type, data: inStrings(text) })] : []

  const service = labels[0] === '_postgresql' && labels[1] === '_tcp'
  const machines = machinesOf(zone, service ? labels.slice(2) : labels)
  if (machines === undefined) return undefined
  if (service) {
    return type === 'SRV'
      ? machines.map(({ id, port }) =>
          record({ type, data: { target: `${id}.vm.${suffix}`, port, priority: 0, weight: 0 } }),
        )
      : []
  }
  if (type === 'A') return machines.map(({ address }) => record({ type, data: address }))
  if (type === 'AAAA') return machines.map(({ address }) => record({ type, data: `::ffff:${address}` }))
  return []
}

function textOf({ machines }: Zone, labels: readonly string[]): string | undefined {
  const all = labels[0] === 'all'
  const listed = all ? machines : machines.filter(({ started }) => started)
  const [kind, ...more] = all ? labels.slice(1) : labels
  if (more.length > 0) return undefined
  if (kind === 'regions') return [...new Set(listed.map(({ region }) => region))].toSorted().join(',')
  if (kind === 'vms') return listed.map(({ id, region }) => `${id} ${region}`).join(',')
  return undefined
}

/** The machines that a name leads to: those that are started. A region without one is a name without records. */
function machinesOf({ machines, distance }: Zone, labels: readonly string[]): readonly Machine[] | undefined {
  const started = machines.filter((machine) => machine.started)
  const [first = 'global', second, third, ...more] = labels
  if (more.length > 0) return undefined
  if (second === undefined) {
    if (first === 'global') return started
    return machines.some(({ region }) => region === first)
      ? started.filter(({ region }) => region === first)
      : undefined
  }
  if (second === 'vm' && third === undefined) return started.filter(({ id }) => id === first)
  const count = /^top(\d+)$/.exec(first)?.[1]
  if (count === undefined || second !== 'nearest' || third !== 'of') return undefined
  return started.toSorted((a, b) => distance(a.region) - distance(b.region)).slice(0, Number(count))
}

/** A text record is a list of strings of at most 255 bytes each. */
function inStrings(text: string): string[] {
  return text.match(/[^]{1,255}/g) ?? []
}
