import { describe, expect, test } from 'vitest'
import { doctorText } from '../../src/cli/doctor-command.ts'
import { listSourceOf } from '../../src/cli-options/server-options.ts'
import type { ListSource } from '../../src/fly/list-source.ts'
import type { ServerLocation } from '../../src/examination/server-endpoint.ts'
import { findingsOf } from '../../src/findings/findings.ts'
import type { Finding } from '../../src/findings/finding.ts'
import { fly } from '../../src/fly/fly.ts'
import { statusOf } from '../../src/servers/status.ts'
import type { ServerState } from '../../src/topology/topology-types.ts'
import { IN_ORD, serverState, topologyOf } from './server-state.ts'

const OTHER_ROLE = 'DOCTOR_OTHER_ROLE'

/** ord was promoted, and nrt is back. */
const nrt = serverState({ name: 'nrt', region: 'nrt', declared: 'primary', role: 'replica', timeline: 2 })
const ord = serverState({ name: 'ord', role: 'primary', seenInRecovery: true, timeline: 2 })
const syd = serverState({ name: 'syd', region: 'syd', timeline: 2 })

function findings(
  servers: readonly ServerState[],
  source: ListSource,
  cluster?: string,
  domain = 'example.com',
): readonly Finding[] {
  const place = ({ name, region, declared }: ServerState): ServerLocation => {
    return { host: `${name}.${domain}`, port: 5432, user: 'app', database: 'app', region, declared, source }
  }
  return findingsOf({
    status: statusOf({ ...topologyOf(servers), cluster }, IN_ORD),
    places: new Map(servers.map((server) => [server.name, place(server)])),
    facts: new Map(),
    machines: undefined,
    limits: { max: 10, idleTimeoutMs: 10_000, maxLifetimeMs: 0 },
    cluster,
  })
}

function mendsOf(code: string, found: readonly Finding[]): readonly string[] {
  return found.flatMap((each) => (each.verdict !== 'good' && each.code === code ? each.mend : []))
}

const urlOf = (name: string): string => `postgres://app@${name}.example.com/app`

/** What a shell does with it; the names in it are the servers'. */
function followed(mend: string, env: Readonly<Record<string, string>>): Record<string, string> {
  const after = { ...env }
  const command = mend
    .replace(/: the two change places$/, '')
    .replaceAll(/<that of (\w+)>/g, (_, name: string) => urlOf(name))
  for (const part of command.split('; ')) {
    const [verb, ...words] = part.split(' ')
    for (const each of words) {
      const [name = '', ...value] = each.split('=')
      if (verb === 'export') after[name] = value.join('=')
      else if (verb === 'unset') Reflect.deleteProperty(after, name)
      else throw new Error(`what is ${verb}?`)
    }
  }
  return after
}

describe('after a failover', () => {
  const before = { MY_REGION: 'syd', PRIMARY_REGION: 'nrt', DATABASE_URL: urlOf('nrt') }
  const own = { DATABASE_URL_ORD: urlOf('ord'), DATABASE_URL_SYD: urlOf('syd') }

  test.each<[string, Record<string, string>]>([
    ['without a list of regions', own],
    ['with one', { ...own, REPLICA_REGIONS: 'ord,syd' }],
    ['with one that names the primary, too', { ...own, REPLICA_REGIONS: 'nrt ord syd' }],
  ])('whoever follows the doctor to the letter, %s, has an app that starts', (_, more) => {
    const env = { ...before, ...more }
    const mends = mendsOf(OTHER_ROLE, findings([nrt, ord, syd], listSourceOf({}, env)))
    expect(new Set(mends).size).toBe(1)
    expect(fly({ env: followed(mends[0] ?? '', env) })).toMatchObject({
      primary: { region: 'ord', url: urlOf('ord') },
      replicas: { nrt: urlOf('nrt'), syd: urlOf('syd') },
    })
  })

  test('it says what there is to be said', () => {
    const source = listSourceOf({}, { ...before, ...own, REPLICA_REGIONS: 'ord,syd' })
    expect(mendsOf(OTHER_ROLE, findings([nrt, ord, syd], source))[0]).toBe(
      'export DATABASE_URL=<that of ord> DATABASE_URL_NRT=<that of nrt> PRIMARY_REGION=ord REPLICA_REGIONS=nrt,syd; unset DATABASE_URL_ORD: the two change places',
    )
  })

  test('another replica in the region keeps its variable, and its place in the list', () => {
    const second = { ...syd, name: 'ord-2', region: 'ord' }
    const source = listSourceOf({}, { ...before, DATABASE_URL_ORD: 'postgres://a,b/app', REPLICA_REGIONS: 'ord' })
    expect(mendsOf(OTHER_ROLE, findings([nrt, ord, second], source))[0]).toBe(
      'export DATABASE_URL=<that of ord> DATABASE_URL_NRT=<that of nrt> DATABASE_URL_ORD=<that of ord-2> PRIMARY_REGION=ord REPLICA_REGIONS=ord,nrt: the two change places',
    )
  })

  test('on Fly nothing starts with a half of it', () => {
    const source = listSourceOf({}, { DATABASE_URL_ORD: urlOf('ord') })
    expect(mendsOf(OTHER_ROLE, findings([nrt, ord], source, undefined, 'my-db.internal'))[0]).toBe(
      'fly secrets set --stage DATABASE_URL=<that of ord> DATABASE_URL_NRT=<that of nrt> PRIMARY_REGION=ord, and then fly secrets unset DATABASE_URL_ORD: the two change places',
    )
  })

  test('it is said once, and is one thing', () => {
    const far = { rttMs: 150, leastRttMs: 150 }
    const text = doctorText(findings([{ ...nrt, ...far }, ord], listSourceOf({}, before)), {
      color: false,
      columns: undefined,
    })
    expect(text.match(/export DATABASE_URL=/g)).toHaveLength(1)
    expect(text).toMatch(
      /✗ +ord +is a primary, and the list calls it a replica \(DOCTOR_OTHER_ROLE\)\n +→ the same as for nrt$/m,
    )
    expect(text).toMatch(/^One thing to fix\.$/m)
  })
})

describe('servers that were given by options', () => {
  const source = listSourceOf({ primary: [`nrt=${urlOf('nrt')}`], replica: [`ord=${urlOf('ord')}`] }, {})

  test('change places there', () => {
    expect(mendsOf(OTHER_ROLE, findings([nrt, ord], source))[0]).toBe(
      '--primary ord=<that of ord> --replica nrt=<that of nrt>: the two change places',
    )
  })

  test('have another URL there', () => {
    const lost = { health: 'down', problem: 'It is none.', problemCode: 'NEAREST_NOT_POSTGRES' } as const
    const servers = [
      { ...nrt, role: 'unknown', ...lost },
      { ...ord, role: 'unknown', ...lost },
    ] as const
    expect(mendsOf('NEAREST_NOT_POSTGRES', findings(servers, source))).toEqual([
      '--primary nrt=postgres://…',
      '--replica ord=postgres://…',
    ])
  })
})

describe('a wrong --cluster', () => {
  const source = listSourceOf({}, {})
  const ours = { systemIdentifier: '7566' } as const
  const primary = { ...nrt, role: 'primary', ...ours } as const
  const replica = { ...ord, role: 'replica', ...ours } as const
  const code = 'NEAREST_OTHER_CLUSTER'

  test('is what is wrong where the servers agree with each other, and is said once', () => {
    const found = findings([primary, replica], source, '123')
    expect(mendsOf(code, found)).toEqual(Array.from({ length: 2 }, () => '--cluster 7566'))
    const text = doctorText(found, { color: false, columns: undefined })
    expect(text).toMatch(/✗ +nrt +belongs to the cluster 7566, as every server that answers, and --cluster is 123 /)
    expect(text).not.toContain('check its URL')
    expect(text).not.toContain('export')
  })

  test('one server may be the wrong one as well', () => {
    const found = findings([primary], source, '123')
    expect(mendsOf(code, found)).toEqual([
      '--cluster 7566, if this is the one; if not: export DATABASE_URL=postgres://…',
    ])
  })

  test('is right where the servers do not agree', () => {
    const found = findings([primary, { ...replica, systemIdentifier: '123' }], source, '123')
    expect(mendsOf(code, found)).toEqual(['export DATABASE_URL=postgres://…'])
  })
})
