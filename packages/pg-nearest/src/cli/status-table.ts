import { styleText } from 'node:util'
import type { ServerStatus, Status } from '../servers/status.ts'
import { describeOwnRegion } from '../findings/describe-own-region.ts'
import { regionOf } from '../findings/own-region.ts'
import { isInPlace } from '../examination/server-endpoint.ts'
import { bytes, duration } from '../terminal/format.ts'
import { tableWithin, type Column } from '../terminal/table.ts'
import { wrap } from '../terminal/wrap.ts'
import type { Terminal } from '../terminal/terminal.ts'

const COLUMNS: readonly Column[] = [
  { name: '', align: 'left' },
  { name: 'server', align: 'left' },
  { name: 'region', align: 'left' },
  { name: 'role', align: 'left' },
  { name: 'health', align: 'left' },
  { name: 'round trip' },
  { name: 'lag' },
  { name: 'behind' },
  { name: 'position', align: 'left' },
  { name: 'version', align: 'left' },
]

const UNKNOWN = '–'

/** A status for a person: a row for each server, and what is wrong in sentences. */
export function statusText(status: Status, { color, columns }: Pick<Terminal, 'color' | 'columns'>): string {
  const { servers } = status
  const remarks = [...status.problems, ...misplaced(servers)]
  const paint = (style: 'green' | 'red' | 'yellow' | 'bold', text: string): string =>
    color ? styleText(style, text) : text
  const health = ({ health: known }: ServerStatus): string =>
    paint(known === 'up' ? 'green' : known === 'down' ? 'red' : 'yellow', known)
  const rows = servers.map((server) => [
    server.readFrom ? paint('bold', '→') : '',
    server.name,
    server.region ?? server.address ?? UNKNOWN,
    server.role,
    health(server),
    server.rttMs === undefined ? UNKNOWN : duration(server.rttMs),
    server.lagBytes === undefined ? UNKNOWN : bytes(server.lagBytes),
    server.stalenessMs === undefined ? UNKNOWN : `≤ ${duration(server.stalenessMs)}`,
    server.lsn ?? UNKNOWN,
    server.version ?? UNKNOWN,
  ])
  const lines = [
    tableWithin(columns, COLUMNS, rows),
    '',
    wrap(
      `Reads ${describeOwnRegion(status)} ${[reads(servers), writes(servers), ...regionOf(status).map(({ message }) => message)].join(' ')}`,
      columns,
    ),
  ]
  return [...lines, ...remarks.map((remark) => paint('red', wrap(`! ${remark}`, columns, 2)))].join('\n')
}

/** Servers that have another role than the list has for them, a sentence each. */
export function misplaced(servers: readonly ServerStatus[]): readonly string[] {
  return servers
    .filter((server) => server.problem === undefined && !isInPlace(server, servers))
    .map(({ name, role, declared }) => `${name} is a ${role}, and the list calls it a ${declared}.`)
}

function reads(servers: readonly ServerStatus[]): string {
  const from = servers.find(({ readFrom }) => readFrom)
  return from === undefined ? 'have nowhere to go.' : `go to ${from.name}.`
}

function writes(servers: readonly ServerStatus[]): string {
  const to = servers.find(({ writeTo }) => writeTo)?.name
  return to === undefined ? 'Writes have nowhere to go.' : `Writes go to ${to}.`
}
