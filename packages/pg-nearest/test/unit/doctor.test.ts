import { describe, expect, test } from 'vitest'
import type { Replay } from '../../src/findings/replay.ts'
import { findingsOf, type Finding } from '../../src/findings/findings.ts'
import { doctorText } from '../../src/cli/doctor-command.ts'
import type { ProcessRegion } from '../../src/discovery/process-region.ts'
import { statusOf } from '../../src/servers/status.ts'
import type { ServerState } from '../../src/topology/topology.ts'
import { IN_ORD, serverState, topologyOf } from './server-state.ts'

const nrt = serverState({ name: 'nrt', declared: 'primary', role: 'primary', rttMs: 128, timeline: 2 })
const ord = serverState({ name: 'ord', rttMs: 0.4, timeline: 2, lagBytes: 0, stalenessMs: 60 })

function linesOf(...servers: readonly ServerState[]): string[] {
  return doctorText(findingsOf(statusOf(topologyOf(servers), IN_ORD)), false)
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '))
}

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
    ['silent', [nrt, { ...ord, health: 'connecting' }], '✗ ord did not answer in time: check its URL.'],
    [
      'another role',
      [nrt, { ...ord, role: 'primary' }],
      '✗ ord replicas.ord is the primary itself: check its URL. (NEAREST_WRONG_PLACE)',
    ],
    [
      'a demoted primary',
      [{ ...nrt, role: 'replica' }, ord],
      '✗ nrt is a replica, and the list calls it a primary: correct the list, or wait for a failover to end',
    ],
    ['no primary', [{ ...nrt, role: 'replica' }, ord], '? ord cannot be compared: no primary answers'],
    ['an old timeline', [nrt, { ...ord, timeline: 1 }], '✗ ord is on timeline 1, and nrt on 2: point it at nrt'],
    [
      'no timeline',
      [nrt, { ...ord, timeline: undefined }],
      '? ord does not say which timeline it follows: grant pg_monitor to its user',
    ],
    [
      'far behind',
      [nrt, { ...ord, lagBytes: 5_000_000, stalenessMs: 90_000 }],
      '✗ ord is 5.0 MB behind, at most 2 min: look at its replication',
    ],
    [
      'far behind, for how long nobody knows',
      [nrt, { ...ord, lagBytes: 5_000_000, stalenessMs: undefined }],
      '? ord is 5.0 MB behind, and for how long is not known',
    ],
    ['how far behind nobody knows', [nrt, { ...ord, lagBytes: undefined }], '? ord does not say how far it is behind'],
    [
      'no walreceiver, and an idle primary',
      [nrt, { ...ord, receiving: false }],
      '? ord runs no walreceiver, so that nothing more comes, unless it is fed from an archive',
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
    ['nobody', [{ ...nrt, health: 'down', problem: 'nrt is gone.' }], '✗ Reads from ord have nowhere to go.'],
  ])('%s', (_, servers, line) => {
    const lines = linesOf(...servers)
    expect(lines).toContain(line)
    expect(lines.at(-1)).not.toBe('All is well.')
  })
})

test('a region without a server is not passed over', () => {
  const checks = findingsOf(statusOf(topologyOf([{ ...nrt, region: 'nrt' }, ord]), { ...IN_ORD, region: 'orf' }))
  expect(checks).toContainEqual({
    server: undefined,
    verdict: 'unknown',
    message: expect.stringContaining('No server is in orf: they are in nrt, ord'),
  })
  for (const region of [undefined, 'ord']) {
    expect(
      findingsOf(statusOf(topologyOf([nrt, ord]), { ...IN_ORD, region })).some(({ verdict }) => verdict === 'unknown'),
    ).toBe(false)
  }
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
      { verdict: 'bad', message: 'is 691.6 kB behind, and its replay is paused: select pg_wal_replay_resume() there' },
    ],
    [
      'it replays late',
      { paused: false, ageMs: 600_000 },
      { verdict: 'bad', message: 'is 691.6 kB behind, at most 10 min: look at its replication' },
    ],
    [
      'it has just begun',
      { paused: false, ageMs: 400 },
      { verdict: 'good', message: 'is 691.6 kB behind, at most 400 ms' },
    ],
    ['it has replayed no commit', { paused: false, ageMs: undefined }, { verdict: 'unknown' }],
  ])('%s', (_name, replay, check) => {
    const replays = new Map(replay === undefined ? [] : [['ord', replay]])
    const checks = findingsOf(statusOf(topologyOf([nrt, late]), IN_ORD), replays)
    expect(checks).toContainEqual(expect.objectContaining({ server: 'ord', ...check }))
  })
})

test('ssl without effect is a thing to fix', () => {
  expect(linesOf(nrt, { ...ord, sslIsOverridden: true }).join('\n')).toContain('the option ssl has no effect there')
})

describe('where reads go from here', () => {
  const readsWith = (place: ProcessRegion): string | undefined =>
    findingsOf(statusOf(topologyOf([nrt, ord]), place)).at(-1)?.message

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
