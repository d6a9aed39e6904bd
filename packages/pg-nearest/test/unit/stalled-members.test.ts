import { describe, expect, test } from 'vitest'
import type { MemberMachine } from '../../src/observations/update-members.ts'
import { initialTopology, withAnswer, type Observed } from '../../src/observations/topology-updates.ts'
import { serverProblem } from '../../src/failures/server-problem.ts'
import { isStalled } from '../../src/topology/stalled-wal-reception.ts'
import { observation } from './observation.ts'

const servers = [
  { name: 'nrt', region: 'nrt', declared: 'primary' },
  { name: 'ord', region: 'ord', declared: 'replica' },
] as const

const machines: readonly MemberMachine[] = ['1 10.0.0.1 5432', '2 10.0.0.2 5432'].map((machine) => ({
  machine,
  role: 'replica',
  lsn: undefined,
  timeline: 1,
}))
const [a = '', b = ''] = machines.map(({ machine }) => machine)

/** At this moment this machine says that its WAL ends there. */
type Answer = readonly [at: number, machine: string, walEnd: bigint]

function after(...answers: readonly Answer[]): Observed {
  return answers.reduce<Observed>(
    (before, [at, machine, walEnd]) => {
      const name = machine === 'nrt' ? 'nrt' : 'ord'
      const seen = { machine, walEnd, lsn: walEnd, sentAt: at, askedAt: at, answeredAt: at }
      const answer = observation(name === 'nrt' ? 'primary' : 'replica', seen)
      return withAnswer(before, name, answer, name === 'nrt' ? [] : machines)
    },
    initialTopology(servers, 0, { stalledAfterMs: 1_000 }),
  )
}

describe('of the machines behind a name', () => {
  test.each<[what: string, answers: readonly Answer[], stalledMs: (number | undefined)[], isStalled: boolean]>([
    ['neither is stalled before it has answered', [[0, 'nrt', 9n]], [], false],
    [
      'one is stalled, and the other goes on',
      [
        [0, 'nrt', 100n],
        [1, a, 90n],
        [2, b, 100n],
        [900, 'nrt', 200n],
        [1_001, a, 90n],
        [1_002, b, 200n],
      ],
      [1_000, 0],
      false,
    ],
    [
      'one that has the position at which the other was stopped does not count as stalled',
      [
        [0, 'nrt', 100n],
        [1, a, 90n],
        [2_001, b, 90n],
      ],
      [0, 0],
      false,
    ],
    [
      'both are stalled, and so is the name',
      [
        [0, 'nrt', 100n],
        [1, a, 90n],
        [2, b, 95n],
        [2_001, a, 90n],
        [2_002, b, 95n],
      ],
      [2_000, 2_000],
      true,
    ],
  ])('%s', (_, answers, stalledMs, stalls) => {
    const { topology } = after(...answers)
    const [, ord] = topology.servers
    if (ord === undefined) throw new Error('no ord')
    expect(ord.members.map((member) => member.stalledMs)).toEqual(stalledMs)
    expect(isStalled(topology, ord)).toBe(stalls)
  })

  test('the problem names the one, and stays the same while it lasts', () => {
    const begun: readonly Answer[] = [
      [0, 'nrt', 100n],
      [1, a, 90n],
      [2, b, 100n],
      [2_001, a, 90n],
    ]
    const problems = [after(...begun), after(...begun, [2_002, b, 100n], [2_003, a, 90n])].map(({ topology }) => {
      const [, ord] = topology.servers
      return ord && serverProblem(topology, ord)?.message
    })
    expect(problems[0]).toMatch(
      /^ord leads to 2 servers in turn, of which 10\.0\.0\.1:5432 \(nothing behind 0\/5A\) receives nothing from the primary any more, so that reads avoid it: /,
    )
    expect(problems[1]).toBe(problems[0])
  })

  test('each is behind by its own', () => {
    const { topology } = after([0, 'nrt', 100n], [1, a, 90n], [2, b, 100n])
    expect(topology.servers[1]?.members.map(({ lagBytes }) => lagBytes)).toEqual([10, 0])
  })
})
