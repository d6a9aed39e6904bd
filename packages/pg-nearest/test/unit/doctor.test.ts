import { describe, expect, test } from 'vitest'
import type { Examination, Replay, ServerFacts } from '../../src/examination/examination-facts.ts'
import type { Finding } from '../../src/findings/finding.ts'
import { findingsOf } from '../../src/findings/findings.ts'
import { isPrivate } from '../../src/examination/server-endpoint.ts'
import { kilometresBetween } from '../../src/discovery/region-places.ts'
import { doctorText } from '../../src/cli/doctor-command.ts'
import { statusText } from '../../src/cli/status-table.ts'
import type { ProcessRegion } from '../../src/discovery/process-region.ts'
import { statusOf, type Status } from '../../src/servers/status.ts'
import type { ServerState } from '../../src/topology/topology-types.ts'
import { IN_ORD, serverState, topologyOf } from './server-state.ts'

const nrt = serverState({ name: 'nrt', declared: 'primary', role: 'primary', rttMs: 128, timeline: 2 })
const ord = serverState({ name: 'ord', rttMs: 0.4, timeline: 2, lagBytes: 0, stalenessMs: 60 })

/** What can be found by the status alone, or with what ord has told of itself. */
function examined(status: Status, facts?: ServerFacts): Examination {
  const limits = { max: 10, idleTimeoutMs: 10_000, maxLifetimeMs: 0 }
  const known = new Map(facts === undefined ? [] : [['ord', facts]])
  return { status, places: new Map(), facts: known, machines: undefined, limits }
}

function linesOf(...servers: readonly ServerState[]): string[] {
  return doctorText(findingsOf(examined(statusOf(topologyOf(servers), IN_ORD))), { color: false, columns: undefined })
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '))
}

test('on a narrow terminal words stay whole, and what mends it stays in one piece', () => {
  const down = serverState({
    ...ord,
    health: 'down',
    problem: 'ord refused the connection: nothing listens on port 9 of it.',
  })
  const findings = findingsOf(examined(statusOf(topologyOf([nrt, down]), IN_ORD)))
  const lines = doctorText(findings, { color: false, columns: 40 }).split('\n')
  const texts = lines.filter((line) => !line.trimStart().startsWith('→'))
  expect(texts.filter((line) => line.length > 40)).toEqual([])
  const mends = findings.flatMap((finding) => (finding.verdict === 'good' ? [] : `→ ${finding.mend}`))
  expect(lines.map((line) => line.trim()).filter((line) => line.startsWith('→'))).toEqual(mends)
  expect(mends.length).toBeGreaterThan(0)
})

test('all is well', () => {
  expect(linesOf(nrt, ord)).toEqual([
    '✓ nrt answers within 128 ms, PostgreSQL 18.4',
    '✓ nrt is a primary, as the list has it',
    '✓ nrt answers several statements that are sent at once',
    '✓ ord answers within 0.4 ms, PostgreSQL 18.4',
    '✓ ord is a replica, as the list has it',
    '✓ ord follows nrt',
    '✓ ord is 0 B behind, at most 60 ms',
    '✓ ord answers several statements that are sent at once',
    '✓ Reads from ord go to ord.',
    '',
    'All is well.',
  ])
})

describe('what is wrong is said, with what to do', () => {
  test.each<[string, readonly ServerState[], string]>([
    [
      'down',
      [
        nrt,
        {
          ...ord,
          health: 'down',
          problem: 'ord refused the connection: check it.',
          problemCode: 'NEAREST_NOTHING_LISTENS',
        },
      ],
      '✗ ord refused the connection: check it. (NEAREST_NOTHING_LISTENS)',
    ],
    ['silent', [nrt, { ...ord, health: 'connecting' }], '✗ ord did not answer in time (DOCTOR_SILENT)'],
    [
      'another role',
      [nrt, { ...ord, role: 'primary' }],
      '✗ ord replicas.ord is the primary itself: check its URL. (NEAREST_WRONG_PLACE)',
    ],
    [
      'a demoted primary',
      [{ ...nrt, role: 'replica' }, ord],
      '✗ nrt is a replica, and the list calls it a primary (DOCTOR_OTHER_ROLE)',
    ],
    [
      'no primary',
      [{ ...nrt, role: 'replica' }, ord],
      '? ord cannot be compared: no primary answers (DOCTOR_NO_PRIMARY)',
    ],
    ['an old timeline', [nrt, { ...ord, timeline: 1 }], '✗ ord is on timeline 1, and nrt on 2 (DOCTOR_TIMELINE)'],
    [
      'no timeline',
      [nrt, { ...ord, timeline: undefined }],
      '? ord does not say which timeline it follows (DOCTOR_TIMELINE)',
    ],
    [
      'far behind',
      [nrt, { ...ord, lagBytes: 5_000_000, stalenessMs: 90_000 }],
      '✗ ord is 5.0 MB behind, at most 2 min (DOCTOR_LATE)',
    ],
    [
      'far behind, for how long nobody knows',
      [nrt, { ...ord, lagBytes: 5_000_000, stalenessMs: undefined }],
      '? ord is 5.0 MB behind, and for how long is not known (DOCTOR_NO_LAG)',
    ],
    [
      'how far behind nobody knows',
      [nrt, { ...ord, lagBytes: undefined }],
      '? ord does not say how far it is behind (DOCTOR_NO_LAG)',
    ],
    [
      'no walreceiver, and an idle primary',
      [nrt, { ...ord, receiving: false }],
      '? ord runs no walreceiver: nothing more comes, unless it is fed from an archive (DOCTOR_NOT_STREAMING)',
    ],
    [
      'stalled',
      [nrt, { ...ord, walEnd: 0x1_0000_00ffn, stalledMs: 10_000 }],
      '✗ ord receives nothing from its primary any more (nothing behind 1/FF), so that reads avoid it: see in its log why its walreceiver has stopped, and look at primary_conninfo, at its slot on the primary (pg_replication_slots), and whether the WAL that it needs is still there. (NEAREST_STALLED)',
    ],
    [
      'no pipelines',
      [nrt, { ...ord, pipelines: false }],
      '✗ ord does not answer what is sent at once, as some poolers do not, so that transactions and sessions take more round trips there: set pipeline: false if that is to stay, and nothing is tried. (NEAREST_NO_PIPELINES)',
    ],
    [
      'nobody',
      [{ ...nrt, health: 'down', problem: 'nrt is gone.' }],
      '✗ Reads from ord have nowhere to go. (DOCTOR_NO_READS)',
    ],
  ])('%s', (_, servers, line) => {
    const lines = linesOf(...servers)
    expect(lines).toContain(line)
    expect(lines.at(-1)).not.toBe('All is well.')
  })
})

test('as many things are to be fixed as status remarks on, also when no server answers', () => {
  const lost = (server: ServerState): ServerState => ({ ...server, health: 'down', problem: `${server.name} is gone.` })
  for (const servers of [[lost(nrt)], [nrt, lost(ord)], [lost(nrt), lost(ord)]]) {
    const status = statusOf(topologyOf(servers), IN_ORD)
    const remarks = statusText(status, { color: false, columns: undefined }).match(/^! /gm) ?? []
    const things = remarks.length === 1 ? 'One thing to fix.' : `${remarks.length} things to fix.`
    expect(linesOf(...servers).at(-1)).toBe(things)
  }
})

describe('a region without a server', () => {
  const remarkOn = (region: string | undefined): Finding | undefined =>
    findingsOf(examined(statusOf(topologyOf([{ ...nrt, region: 'nrt' }, ord]), { ...IN_ORD, region }))).find(
      ({ message }) => message.startsWith('No server is in'),
    )

  test('is told, and nothing is wrong with it', () => {
    expect(remarkOn('lax')).toMatchObject({
      verdict: 'good',
      message: 'No server is in lax: it reads from the nearest, by time.',
    })
    expect(remarkOn('basement')).toMatchObject({ verdict: 'good' })
    expect(remarkOn('ord')).toBeUndefined()
    expect(remarkOn(undefined)).toBeUndefined()
  })

  test('may be a typing error', () => {
    expect(remarkOn('odr')).toMatchObject({
      verdict: 'unknown',
      code: 'DOCTOR_NO_SUCH_REGION',
      message: 'No server is in odr. Is ord meant?',
      mend: expect.stringContaining('FLY_REGION=ord'),
    })
  })
})

describe('how late a replica is that the pool has not seen catch up', () => {
  const late = { ...ord, lagBytes: 691_600, stalenessMs: undefined }
  test.each<[string, Replay | undefined, Partial<Finding>]>([
    [
      'nothing is known',
      undefined,
      { verdict: 'unknown', message: 'is 691.6 kB behind, and for how long is not known' },
    ],
    [
      'its replay is paused',
      { paused: true, ageMs: 40 },
      { verdict: 'bad', message: 'is 691.6 kB behind, and its replay is paused' },
    ],
    [
      'it replays late',
      { paused: false, ageMs: 600_000 },
      { verdict: 'bad', message: 'is 691.6 kB behind, at most 10 min' },
    ],
    [
      'it has just begun',
      { paused: false, ageMs: 400 },
      { verdict: 'good', message: 'is 691.6 kB behind, at most 400 ms' },
    ],
    ['it has replayed no commit', { paused: false, ageMs: undefined }, { verdict: 'unknown' }],
  ])('%s', (_name, replay, check) => {
    const facts = { encrypted: false, settings: new Map(), sources: new Map(), replay }
    const checks = findingsOf(examined(statusOf(topologyOf([nrt, late]), IN_ORD), facts))
    expect(checks).toContainEqual(expect.objectContaining({ server: 'ord', ...check }))
  })
})

test('ssl without effect is a thing to fix', () => {
  expect(linesOf(nrt, { ...ord, sslIsOverridden: true }).join('\n')).toContain('the option ssl has no effect there')
})

describe('where reads go from here', () => {
  const readsWith = (place: ProcessRegion): string | undefined =>
    findingsOf(examined(statusOf(topologyOf([nrt, ord]), place))).at(-1)?.message

  test.each<[string, Partial<ProcessRegion>, string]>([
    ['the option says it', { region: 'ord' }, 'Reads from ord go to ord.'],
    ['a variable says it', { region: 'ord', variable: 'MY_REGION' }, 'Reads from ord (by MY_REGION) go to ord.'],
    ['nothing says it', {}, 'Reads from here (no region is set) go to ord.'],
    [
      "a laptop's variable",
      { unmatched: ['AWS_REGION=eu-west-1'] },
      'Reads from here (no region is known: AWS_REGION=eu-west-1 matches none of the listed regions) go to ord.',
    ],
    [
      'two of them',
      { unmatched: ['AWS_REGION=eu-west-1', 'AWS_DEFAULT_REGION=eu-west-1'] },
      'Reads from here (no region is known: AWS_REGION=eu-west-1 and AWS_DEFAULT_REGION=eu-west-1 match none of the listed regions) go to ord.',
    ],
  ])('%s', (_name, place, says) => {
    expect(readsWith({ ...IN_ORD, region: undefined, ...place })).toBe(says)
  })
})

test('why it matters, and what mends it, are said under it', () => {
  const lines = linesOf(nrt, { ...ord, lagBytes: 5_000_000, stalenessMs: 90_000 })
  const at = lines.findIndex((line) => line.includes('(DOCTOR_LATE)'))
  expect(lines[at + 1]).toMatch(/^ Reads there show old data/)
  expect(lines[at + 2]).toMatch(/^ → psql -h ord .*pg_stat_wal_receiver/)
})

test.each([
  ['localhost', true],
  ['/var/run/postgresql', true],
  ['127.0.0.1', true],
  ['10.1.2.3', true],
  ['172.31.0.1', true],
  ['192.168.1.1', true],
  ['fdaa:0:2e26::3', true],
  ['::1', true],
  ['ord.my-db.internal', true],
  ['My-Db.Flycast.', true],
  ['172.32.0.1', false],
  ['8.8.8.8', false],
  ['2001:db8::1', false],
  ['fd.example.com', false],
  ['db.example.com', false],
])('%s is in a private network: %s', (host, expected) => {
  const rest = { port: 5432, user: 'app', database: 'app', region: 'ord', declared: 'primary' } as const
  expect(isPrivate({ host, ...rest })).toBe(expected)
})

test.each([
  ['nrt', 'ord', 10_150],
  ['ap-northeast-1', 'us-east-1', 10_900],
  ['nrt', 'hnd1', 0],
  ['lhr', 'cdg', 350],
  ['ord', 'ord', 0],
  ['mine', 'mine', 0],
])('from %s to %s: about %i km', (a, b, km) => {
  expect(Math.abs((kilometresBetween(a, b) ?? Number.NaN) - km)).toBeLessThan(150)
})

test('how far a region of somebody’s own is nobody knows', () => {
  expect(kilometresBetween('nrt', 'basement')).toBeUndefined()
})
