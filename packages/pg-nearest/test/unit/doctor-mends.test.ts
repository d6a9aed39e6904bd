import { describe, expect, test } from 'vitest'
import type { Machine } from '../../src/examination/examination-facts.ts'
import { findingsOf } from '../../src/findings/findings.ts'
import type { ServerLocation } from '../../src/examination/server-endpoint.ts'
import { statusOf } from '../../src/servers/status.ts'
import type { ServerState } from '../../src/topology/topology-types.ts'
import { IN_ORD, serverState, topologyOf } from './server-state.ts'

const nrt = serverState({ name: 'nrt', region: 'nrt', declared: 'primary', role: 'primary', timeline: 2 })
const ord = serverState({ name: 'ord', timeline: 2, lagBytes: 0, stalenessMs: 60 })

const at = (host: string, known: Partial<ServerLocation> = {}): ServerLocation => ({
  host,
  port: 5433,
  user: 'app',
  database: 'app',
  region: host.split('.')[0],
  declared: host.startsWith('nrt') ? 'primary' : 'replica',
  ...known,
})

interface World {
  readonly servers: readonly ServerState[]
  readonly nrt?: ServerLocation
  readonly ord?: ServerLocation
  readonly machines?: readonly Machine[]
}

/** The command that mends what is found in ord, or in nrt. */
function mendOf(code: string, world: World, server = 'ord'): string | undefined {
  const places = new Map([
    ['nrt', world.nrt ?? at('nrt.example.com')],
    ['ord', world.ord ?? at('ord.example.com')],
  ])
  const found = findingsOf({
    status: statusOf(topologyOf(world.servers), IN_ORD),
    places,
    facts: new Map(),
    machines: world.machines,
    limits: { max: 10, idleTimeoutMs: 10_000, maxLifetimeMs: 0 },
  }).find((each) => each.server === server && 'code' in each && each.code === code)
  return found !== undefined && 'mend' in found ? found.mend : undefined
}

const sick = (known: Partial<ServerState>): ServerState => ({
  ...ord,
  health: 'down',
  problem: 'ord is ill.',
  ...known,
})

describe('a refused password', () => {
  const refused = sick({ problemCode: 'NEAREST_AUTHENTICATION', problem: 'ord refused the user or the password.' })

  test('that another server takes stands wrong in the URL, and is not changed', () => {
    expect(mendOf('NEAREST_AUTHENTICATION', { servers: [nrt, refused] })).toBe(
      'export DATABASE_URL_ORD=postgres://app:<password>@…',
    )
  })

  test('that no server takes is set on the primary, if the URL is right', () => {
    const servers = [{ ...nrt, health: 'down', problemCode: 'NEAREST_AUTHENTICATION' } as const, refused]
    expect(mendOf('NEAREST_AUTHENTICATION', { servers })).toMatch(
      /^export .* psql -h nrt\.example\.com .*\\password app'$/,
    )
  })

  test('for want of a line in pg_hba.conf', () => {
    const problem = 'ord refused the user or the password (no pg_hba.conf entry for host "10.0.0.1").'
    const mend = mendOf('NEAREST_AUTHENTICATION', { servers: [nrt, { ...refused, problem }] })
    expect(mend).toContain('host app app <address of this machine>/32')
    expect(mend).not.toContain('password')
  })
})

describe('a database that is not there', () => {
  const missing = sick({ problemCode: 'NEAREST_NO_DATABASE' })

  test('is a wrong name, where the others have another', () => {
    const world = { servers: [nrt, missing], ord: at('ord.example.com', { database: 'nodb' }) }
    expect(mendOf('NEAREST_NO_DATABASE', world)).toBe('export DATABASE_URL_ORD=postgres://…/app')
  })

  test('is made on the primary, if it is to be', () => {
    const servers = [{ ...nrt, health: 'down', problemCode: 'NEAREST_NO_DATABASE' } as const, missing]
    expect(mendOf('NEAREST_NO_DATABASE', { servers })).toMatch(/createdb -h nrt\.example\.com /)
  })
})

describe('a name without an address', () => {
  const lost = sick({ problemCode: 'NEAREST_HOST_NOT_FOUND' })
  const onFly = { nrt: at('nrt.my-db.internal'), ord: at('ord.my-db.internal') }
  const machine = (region: string, started: boolean): Machine => ({ id: `m-${region}`, region, started })

  test.each<[string, readonly Machine[] | undefined, string]>([
    ["outside of Fly's network", undefined, 'fly ssh console --app <your app>'],
    ['of a region without a machine', [machine('nrt', true)], 'take ord out of REPLICA_REGIONS'],
    ['of a region whose machine is stopped', [machine('nrt', true), machine('ord', false)], 'fly machine start m-ord'],
    ['of a region with a machine', [machine('nrt', true), machine('ord', true)], 'fly machine list'],
  ])('%s', (_name, machines, says) => {
    const mend = mendOf('NEAREST_HOST_NOT_FOUND', { servers: [nrt, lost], ...onFly, ...(machines && { machines }) })
    expect(mend).toMatch(new RegExp(`^${says.replaceAll(/[.*+?^$()[\]{}|]/g, String.raw`\$&`)}`))
  })

  test("the primary's is no reason for another machine", () => {
    const servers = [{ ...nrt, health: 'down', problem: 'gone.', problemCode: 'NEAREST_HOST_NOT_FOUND' } as const, ord]
    for (const machines of [undefined, [machine('ord', true)]]) {
      const mend = mendOf('NEAREST_HOST_NOT_FOUND', { servers, ...onFly, ...(machines && { machines }) }, 'nrt')
      expect(mend).toBeDefined()
      expect(mend).not.toContain('clone')
    }
  })
})

test.each(['NEAREST_CLOSED_PORT', 'NEAREST_SILENT_PORT'] as const)(
  '%s: it may be down before the port is wrong',
  (code) => {
    expect(mendOf(code, { servers: [nrt, sick({ problemCode: code })] })).toMatch(
      /^pg_isready .*pg_ctl start.*DATABASE_URL_ORD/,
    )
  },
)

test('after a failover the list is mended once, and not each URL by itself', () => {
  const servers = [
    { ...nrt, role: 'replica' },
    { ...ord, role: 'primary', seenInRecovery: true },
  ] as const
  for (const server of ['nrt', 'ord']) {
    expect(mendOf('DOCTOR_OTHER_ROLE', { servers }, server)).toBe(
      'export DATABASE_URL=<that of ord> DATABASE_URL_NRT=<that of nrt> PRIMARY_REGION=ord: the two change places',
    )
  }
})

test('who has no pg_monitor gets it on the primary, and reads next door until he has written', () => {
  const servers = [nrt, { ...ord, timeline: 1, timelineIsLate: true }]
  expect(mendOf('DOCTOR_TIMELINE', { servers })).toMatch(/^psql -h nrt\.example\.com .*grant pg_monitor to app/)
  const reads = findingsOf({
    status: statusOf(topologyOf(servers), IN_ORD),
    places: new Map(),
    facts: new Map(),
    machines: undefined,
    limits: { max: 10, idleTimeoutMs: 10_000, maxLifetimeMs: 0 },
  }).at(-1)
  expect(reads?.message).toBe('Reads from ord go to ord, and those of sessions that have written to nrt.')
})

test('what PostgreSQL there does not have, no GRANT gives', () => {
  const refused = (code: string): ServerState => ({ ...ord, positions: 'none', refused: [{ call: 'pg_x()', code }] })
  expect(mendOf('NEAREST_NO_POSITIONS', { servers: [nrt, refused('42501')] })).toMatch(
    /^psql -h nrt\.example\.com .*grant execute on function pg_x\(\) to app/,
  )
  expect(mendOf('NEAREST_NO_POSITIONS', { servers: [nrt, refused('0A000')] })).not.toContain('grant')
})

describe('a second primary', () => {
  const stop = /^(?:if .* was promoted: )?pg_ctl stop .* on nrt\.example\.com/

  test('that is the first by another name has another URL', () => {
    expect(mendOf('NEAREST_WRONG_PLACE', { servers: [nrt, { ...ord, role: 'primary' }] })).toMatch(
      /^export DATABASE_URL_ORD=/,
    )
  })

  test('of a later timeline: one of the two must go, and a person knows which', () => {
    const servers = [nrt, { ...ord, role: 'primary', timeline: 3 }] as const
    const mends = [mendOf('NEAREST_WRONG_PLACE', { servers }), mendOf('NEAREST_NO_EVIDENCE', { servers }, 'nrt')]
    for (const mend of mends) {
      expect(mend).toMatch(stop)
      expect(mend).toContain('take ord out of the list')
    }
  })

  test('that was replaced is stopped', () => {
    expect(mendOf('NEAREST_WRONG_PLACE', { servers: [nrt, { ...ord, timeline: 3 }] }, 'nrt')).toMatch(stop)
  })

  test('that answers while the first is away: pg_monitor shows whether it was promoted, and is given there', () => {
    const servers = [
      { ...nrt, health: 'down', problem: 'nrt is gone.' },
      { ...ord, role: 'primary', systemIdentifier: undefined },
      serverState({ name: 'syd', region: 'syd', timeline: 1, timelineIsLate: true }),
    ] as const
    const mend = mendOf('NEAREST_NO_EVIDENCE', { servers })
    expect(mend).toMatch(/^if it was promoted: psql -h ord\.example\.com .*grant pg_monitor to app/)
    expect(mend).toContain('PRIMARY_REGION=ord')
    expect(mend).toContain('take ord out of the list')
  })
})
