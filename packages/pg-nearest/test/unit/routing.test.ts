import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import spec from '../../spec/routing.json' with { type: 'json' }
import { planPrimary, planRead, type Attempt } from '../../src/route/plan-servers.ts'
import { getsWrites } from '../../src/server-selection/gets-writes.ts'
import { nextTargets } from '../../src/server-selection/prewarm-targets.ts'
import { LATENCY_WINDOW_MS, type Chooser } from '../../src/server-selection/server-selection.ts'
import type { ServerState, Topology } from '../../src/topology/topology-types.ts'
import { serverState, topologyOf } from './server-state.ts'

function fromText(texts: readonly string[]): Topology {
  return topologyOf(
    texts.map((text, index) => {
      const [name = '', role = '', health = '', rtt = '-', ...marks] = text.split(' ')
      return serverState({
        name,
        region: name === 'primary' ? undefined : name.replace(/#\d+$/, ''),
        declared: index === 0 ? 'primary' : 'replica',
        role: role as ServerState['role'],
        health: health as ServerState['health'],
        rttMs: rtt === '-' ? undefined : Number(rtt),
        systemIdentifier:
          health === 'connecting' || marks.includes('unheard')
            ? undefined
            : marks.includes('other-cluster')
              ? '2'
              : '1',
        seenInRecovery: marks.includes('promoted'),
        seenBesidePrimary: marks.includes('beside'),
        timeline: role === 'unknown' ? undefined : marks.includes('tl2') ? 2 : 1,
        stalledMs: marks.includes('stalled') ? 10_000 : undefined,
        weight: marks.includes('standby-only') ? 0 : 1,
        labels: marks.filter((mark) => mark.startsWith('label:')).map((mark) => mark.slice(6)),
        candidate: marks.includes('candidate'),
      })
    }),
  )
}

/** The servers to read from, in order, with what is known of them. */
function readOrder(topology: Topology, chooser: Chooser): ServerState[] {
  return planRead(topology, { kind: 'nearest' }, chooser).flatMap(
    ({ server }) => topology.servers.find(({ name }) => name === server) ?? [],
  )
}

const shown = (attempts: readonly Attempt[]): string[] => attempts.map(({ server, reason }) => `${server} ${reason}`)

describe('spec/routing.json', () => {
  for (const { name, servers, region, read, write, withheld, ready, replica, asked, labelled } of spec.cases) {
    test(name, () => {
      const topology = fromText(servers)
      const chooser: Chooser = { region, load: () => 0, random: () => 0.5 }
      if (read !== undefined) expect(shown(planRead(topology, { kind: 'nearest' }, chooser))).toEqual(read)
      if (write !== undefined) expect(planPrimary(topology, 'write').map(({ server }) => server)).toEqual(write)
      if (withheld !== undefined) {
        const names = topology.servers.map((server) => server.name)
        expect(names.filter((server) => !getsWrites(topology, server))).toEqual(withheld)
      }
      if (ready !== undefined) {
        const choices = { region, primaryOnly: false, draw: 0.5 }
        const primaryOnly = nextTargets(topology, { ...choices, primaryOnly: true })
        expect([...nextTargets(topology, choices)]).toEqual(ready)
        expect([...primaryOnly]).toEqual(write?.slice(0, 1).filter((server) => ready.includes(server)) ?? [])
      }
      if (replica !== undefined) {
        expect(shown(planRead(topology, { kind: 'replica', region: asked }, chooser))).toEqual(replica)
      }
      if (labelled !== undefined) {
        expect(shown(planRead(topology, { kind: 'labelled', label: 'reporting' }, chooser))).toEqual(labelled)
      }
    })
  }
})

const anyServer = fc.record({
  region: fc.constantFrom('ord', 'syd', 'ams'),
  role: fc.constantFrom('primary', 'replica', 'unknown'),
  health: fc.constantFrom('up', 'down', 'connecting', 'suspect'),
  rttMs: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
  weight: fc.constantFrom(0, 1, 2.5),
  labels: fc.subarray(['reporting', 'batch']),
  timeline: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  seenInRecovery: fc.boolean(),
  seenBesidePrimary: fc.boolean(),
})

const anyTopology = fc.array(anyServer, { minLength: 1, maxLength: 8 }).map((servers) =>
  topologyOf(
    servers.map((server, index) =>
      serverState({
        ...server,
        name: `s${index}`,
        declared: index === 0 ? 'primary' : 'replica',
      }),
    ),
  ),
)

const anyChooser = fc.record({
  region: fc.constantFrom('ord', 'fra', undefined),
  load: fc.func(fc.nat()) as fc.Arbitrary<(server: string) => number>,
  random: fc
    .infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true }))
    .map((stream) => () => Number(stream.next().value)),
})

describe('every plan', () => {
  test('names a server at least, and none twice', () => {
    fc.assert(
      fc.property(anyTopology, anyChooser, (topology, chooser) => {
        for (const target of [
          { kind: 'nearest' },
          { kind: 'primary' },
          { kind: 'replica', region: undefined },
          { kind: 'labelled', label: 'reporting' },
        ] as const) {
          const names = planRead(topology, target, chooser).map(({ server }) => server)
          // Where all say that they are replicas, nobody can be the primary.
          if (target.kind !== 'primary') expect(names.length).toBeGreaterThan(0)
          expect(new Set(names).size).toBe(names.length)
        }
      }),
    )
  })

  test('for writes names only servers where what runs may write', () => {
    fc.assert(
      fc.property(anyTopology, (topology) => {
        const names = planPrimary(topology, 'write').map(({ server }) => server)
        expect(names.filter((name) => !getsWrites(topology, name))).toEqual([])
      }),
    )
  })

  test('tries no server that is down before one that is not', () => {
    fc.assert(
      fc.property(anyTopology, anyChooser, (topology, chooser) => {
        const healths = readOrder(topology, chooser).map(({ health }) => health)
        const firstDown = healths.indexOf('down')
        if (firstDown >= 0) expect(healths.slice(firstDown).every((health) => health === 'down')).toBe(true)
      }),
    )
  })

  test('leaves its region only when nothing there is up', () => {
    fc.assert(
      fc.property(anyTopology, anyChooser, (topology, chooser) => {
        const order = readOrder(topology, chooser)
        const own = order.filter(
          ({ region, health, weight }) => region === chooser.region && health !== 'down' && weight > 0,
        )
        expect(
          order
            .slice(0, own.length)
            .map(({ name }) => name)
            .toSorted(),
        ).toEqual(own.map(({ name }) => name).toSorted())
      }),
    )
  })
})

test('weight 0 comes after all others that are not down', () => {
  fc.assert(
    fc.property(anyTopology, anyChooser, (topology, chooser) => {
      const alive = readOrder(topology, chooser).filter(({ health }) => health !== 'down')
      const first = alive.findIndex(({ weight }) => weight === 0)
      if (first >= 0) expect(alive.slice(first).every(({ weight }) => weight === 0)).toBe(true)
    }),
  )
})

describe('among equals', () => {
  const three = topologyOf(
    ['ord', 'ord#2', 'ord#3'].map((name) => serverState({ name, region: 'ord', declared: 'replica', role: 'replica' })),
  )

  test('the less loaded of two random ones leads', () => {
    const load = (server: string): number => (server === 'ord' ? 5 : 1)
    const leaders = Array.from({ length: 200 }, () => readOrder(three, { region: 'ord', load, random: Math.random })[0])
    expect(leaders.some((leader) => leader?.name === 'ord')).toBe(false)
  })

  test('each gets its share', () => {
    const count = new Map<string, number>()
    for (let i = 0; i < 3_000; i++) {
      const name = readOrder(three, { region: 'ord', load: () => 0, random: Math.random })[0]?.name ?? ''
      count.set(name, (count.get(name) ?? 0) + 1)
    }
    for (const share of count.values()) expect(share).toBeGreaterThan(800)
    expect(count.size).toBe(3)
  })

  test.each([
    ['by its weight', () => 0],
    ['by its weight under load', (server: string) => (server === 'ord#3' ? 6 : 2)],
  ])('each gets its share %s', (_, load) => {
    const [first, second, third] = three.servers
    if (first === undefined || second === undefined || third === undefined) throw new Error('there are three')
    const weighted = topologyOf([first, second, { ...third, weight: 3 }])
    const leaders = Array.from(
      { length: 5_000 },
      () => readOrder(weighted, { region: 'ord', load, random: Math.random })[0]?.name,
    )
    const share = leaders.filter((leader) => leader === 'ord#3').length / leaders.length
    expect(share).toBeGreaterThan(0.55)
    expect(share).toBeLessThan(0.65)
  })

  test(`servers within ${LATENCY_WINDOW_MS} ms of the nearest are equals, and one beyond is not`, () => {
    const near = topologyOf([
      serverState({ name: 'a', region: 'a', declared: 'replica', role: 'replica', rttMs: 10 }),
      serverState({ name: 'b', region: 'b', declared: 'replica', role: 'replica', rttMs: 24 }),
      serverState({ name: 'c', region: 'c', declared: 'replica', role: 'replica', rttMs: 26 }),
    ])
    const leaders = new Set(
      Array.from(
        { length: 200 },
        () => readOrder(near, { region: undefined, load: () => 0, random: Math.random })[0]?.name,
      ),
    )
    expect([...leaders].toSorted()).toEqual(['a', 'b'])
  })
})
