import { expect, test } from 'vitest'
import { GONE, observation } from './observation.ts'
import { initialTopology, withAnswer, withFailure, type Observed } from '../../src/observations/topology-updates.ts'

const servers = [
  { name: 'nrt', region: 'nrt', declared: 'primary' },
  { name: 'ord', region: 'ord', declared: 'replica' },
] as const

/** At this moment this server says that its WAL ends there: `undefined` if it does not say; `down` if it does not answer. */
type Answer = readonly [at: number, server: 'nrt' | 'ord', walEnd: number | 'down' | undefined]

function answered(before: Observed, [at, server, walEnd]: Answer): Observed {
  if (walEnd === 'down') return withFailure(before, server, 'unreachable', GONE, at)
  const answer = observation(server === 'nrt' ? 'primary' : 'replica', {
    machine: server,
    walEnd: walEnd === undefined ? undefined : BigInt(walEnd),
    sentAt: at,
    askedAt: at,
    answeredAt: at + 1,
  })
  return withAnswer(before, server, answer)
}

test.each<[what: string, answers: readonly Answer[], stalledMs: number | undefined]>([
  [
    'has all that the primary had',
    [
      [0, 'nrt', 100],
      [5, 'ord', 100],
      [900, 'ord', 100],
    ],
    0,
  ],
  [
    'lacks something, as has not been seen before',
    [
      [0, 'nrt', 100],
      [5, 'ord', 90],
    ],
    0,
  ],
  [
    'lacks something, and has not received any of it',
    [
      [0, 'nrt', 100],
      [5, 'ord', 90],
      [500, 'nrt', 200],
      [905, 'ord', 90],
    ],
    900,
  ],
  [
    'is far behind, and receives',
    [
      [0, 'nrt', 1_000],
      [5, 'ord', 90],
      [505, 'ord', 91],
      [1_005, 'ord', 92],
    ],
    0,
  ],
  [
    'had received nothing, and has all now',
    [
      [0, 'nrt', 100],
      [5, 'ord', 90],
      [905, 'ord', 90],
      [1_905, 'ord', 100],
    ],
    0,
  ],
  [
    'had nothing to receive for an hour, and lacks something since now',
    [
      [0, 'nrt', 90],
      [5, 'ord', 90],
      [3_600_000, 'nrt', 100],
      [3_600_005, 'ord', 90],
    ],
    0,
  ],
  [
    'has a primary that does not answer',
    [
      [0, 'nrt', 100],
      [5, 'ord', 90],
      [400, 'nrt', 'down'],
      [905, 'ord', 90],
    ],
    undefined,
  ],
  [
    'does not say what it has received',
    [
      [0, 'nrt', 100],
      [5, 'ord', undefined],
      [905, 'ord', undefined],
    ],
    undefined,
  ],
  [
    'has a primary that does not say what it has written',
    [
      [0, 'nrt', undefined],
      [5, 'ord', 90],
      [905, 'ord', 90],
    ],
    undefined,
  ],
])('a replica that %s', (_, answers, stalledMs) => {
  const { topology } = answers.reduce(answered, initialTopology(servers, 0))
  expect(topology.servers[1]?.stalledMs).toBe(stalledMs)
})
