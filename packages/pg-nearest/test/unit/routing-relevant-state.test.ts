import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  initialTopology,
  withAnswer,
  withFailure,
  type Observation,
  type Observed,
} from '../../src/observations/topology-updates.ts'
import { getsWrites } from '../../src/server-selection/gets-writes.ts'
import { planPrimary, planRead, usualReadServer, type Target } from '../../src/route/plan-servers.ts'
import { areRoutedAlike } from '../../src/topology/routing-relevant-state.ts'
import type { Server, Topology } from '../../src/topology/topology-types.ts'
import { GONE, observation } from './observation.ts'

const SERVERS: readonly Server[] = [
  { name: 'nrt', region: 'nrt', declared: 'primary' },
  { name: 'ord', region: 'ord', declared: 'replica', labels: ['reports'] },
  { name: 'syd', region: 'syd', declared: 'replica', weight: 0 },
]
const NAMES = SERVERS.map(({ name }) => name)
const TARGETS: readonly Target[] = [
  { kind: 'nearest' },
  { kind: 'primary' },
  { kind: 'replica', region: 'ord' },
  { kind: 'labelled', label: 'reports' },
]
const chooser = { region: 'ord', load: () => 0, random: () => 0.5 }

/** All that routing finds in it. */
function routes(topology: Topology): unknown {
  return {
    reads: TARGETS.map((target) => planRead(topology, target, chooser)),
    usual: usualReadServer(topology, chooser),
    writes: planPrimary(topology, 'write'),
    writable: NAMES.filter((name) => getsWrites(topology, name)),
  }
}

/** Most answers tell nothing new but positions and times. */
const anyChange = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        role: fc.constantFrom('primary' as const, 'replica' as const),
        timeline: fc.constantFrom(1, 2, undefined),
        systemIdentifier: fc.constantFrom('7', '8', undefined),
        machine: fc.constantFrom('a', 'b', undefined),
        readOnly: fc.boolean(),
        pooled: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  },
)
const anyAnswer = fc.record({
  change: anyChange,
  lsn: fc.constantFrom(100n, 200n, undefined),
  walEnd: fc.constantFrom(100n, 200n, undefined),
  sentAt: fc.integer({ min: 0, max: 60_000 }),
})
const anyEvent = fc.record({
  name: fc.constantFrom(...NAMES),
  answer: fc.option(anyAnswer, { nil: undefined, freq: 5 }),
  sign: fc.constantFrom('unreachable' as const, 'lost' as const),
})

function answerOf(
  name: string,
  { change, ...seen }: typeof anyAnswer extends fc.Arbitrary<infer T> ? T : never,
): Observation {
  return observation(name === 'nrt' ? 'primary' : 'replica', { ...seen, ...change })
}

test('a snapshot routes as it would if nothing of those before it were kept', () => {
  let alike = 0
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 30 }), (events) => {
      let observed: Observed = initialTopology(SERVERS, 0)
      for (const [i, { name, answer, sign }] of events.entries()) {
        const before = observed.topology
        observed =
          answer === undefined
            ? withFailure(observed, name, sign, GONE, i)
            : withAnswer(observed, name, answerOf(name, answer))
        const { topology } = observed
        if (areRoutedAlike(before, topology)) alike++
        expect(routes(topology)).toEqual(routes({ ...topology }))
      }
    }),
  )
  expect(alike, 'what is compared').toBeGreaterThan(100)
})

test('a distance counts as the same until it has changed by a tenth, and by a millisecond', () => {
  const at = (rttMs: number, before: Observed): Observed => withAnswer(before, 'ord', observation('replica', { rttMs }))
  const once = at(100, initialTopology(SERVERS, 0))
  const near = at(145, once)
  expect(areRoutedAlike(once.topology, near.topology)).toBe(true)
  // Further, by as little: it counts from where it was when the routes were worked out.
  const far = at(120, near)
  expect(areRoutedAlike(near.topology, far.topology)).toBe(false)
  const [close] = [at(0.5, initialTopology(SERVERS, 0))]
  expect(areRoutedAlike(close.topology, at(5, close).topology)).toBe(true)
})
