import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCrossPoolSharing } from '../../src/monitor/cross-pool-sharing.ts'
import type { Lack } from '../../src/observations/wal-reception.ts'
import type { Observation } from '../../src/observations/topology-updates.ts'
import { createKnownPositions, type KnownPositions } from '../../src/positions/known-positions.ts'
import { joinMachine, processMachines, type MachineRegistry } from '../../src/positions/process-machine-listeners.ts'
import { machineKey, readSighting, type Sighting } from '../../src/positions/sighting.ts'
import { observation } from './observation.ts'

const START = '1764000000.123456'
const MACHINE = `${START} 10.0.0.7 5432`

test.each<[what: string, cluster: string | undefined, machine: string | undefined, key: string | undefined]>([
  ['cluster, start, address and port', '7', MACHINE, `7 ${MACHINE}`],
  ['a socket, which has no address', '7', START, undefined],
  ['an address without a port', '7', `${START} 10.0.0.7`, undefined],
  ['a role that may not ask for the cluster', undefined, MACHINE, undefined],
  ['a role that may not ask for the machine', '7', undefined, undefined],
])('who a machine is: %s', (_, cluster, machine, key) => {
  expect(machineKey(cluster, machine)).toBe(key)
})

test('only what has the shape of a sighting is read, and nothing of the future', () => {
  const sighting: Sighting = { standby: true, timeline: 1, lsn: 5n, at: 10, walEnd: 6n, lacksSince: undefined }
  expect(readSighting({ ...sighting, more: 'of a later build' }, 10)).toEqual(sighting)
  expect(readSighting(sighting, 9)).toBeUndefined()
  expect(readSighting({ ...sighting, lacksSince: 11 }, 10)).toBeUndefined()
  const junk = fc.dictionary(fc.constantFrom(...Object.keys(sighting)), fc.anything())
  fc.assert(
    fc.property(junk, (changed) => {
      const read = readSighting({ ...sighting, ...changed }, 10)
      if (read === undefined) return
      const { standby, timeline, lsn, at, walEnd = 0n, lacksSince = 0 } = read
      const types = [standby, timeline, lsn, at, walEnd, lacksSince].map((value) => typeof value)
      expect(types).toEqual(['boolean', 'number', 'bigint', 'number', 'bigint', 'number'])
      expect(at <= 10 && lacksSince <= 10 && timeline >= 1).toBe(true)
    }),
  )
  fc.assert(fc.property(fc.anything(), (told) => readSighting(told, 10) === undefined))
})

test('whoever lists a machine hears all others that do, whatever some of them throw; and nothing is left of who has left', () => {
  const step = fc.record({ is: fc.constantFrom('join', 'leave', 'tell'), pool: fc.nat(4), machine: fc.nat(2) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const registry: MachineRegistry = new Map()
      const members = new Map<string, ReturnType<typeof joinMachine>>()
      const heard: string[] = []
      for (const [i, { is, pool, machine }] of steps.entries()) {
        const [name, key] = [`${pool} at ${machine}`, String(machine)]
        const member = members.get(name)
        if (is === 'join' && member === undefined) {
          const listener = (told: unknown): void => {
            heard.push(`${name}: ${told as number}`)
            if (pool === 0) throw new Error('a listener')
          }
          members.set(name, joinMachine(registry, key, listener))
        } else if (is === 'leave') {
          member?.leave()
          members.delete(name)
        } else {
          heard.length = 0
          member?.tell(i)
          const others = [...members.keys()].filter((other) => other.endsWith(` at ${key}`) && other !== name)
          expect(heard.toSorted()).toEqual(
            member === undefined ? [] : others.map((other) => `${other}: ${i}`).toSorted(),
          )
        }
      }
      const machines = [...members.keys()].map((name) => name.slice(-1))
      expect([...registry.keys()].toSorted()).toEqual([...new Set(machines)].toSorted())
      for (const member of members.values()) member.leave()
      expect(registry.size).toBe(0)
    }),
  )
})

test('the registry is the same for every copy, and what is no registry is left alone', () => {
  const key = Symbol.for('pg-nearest.machines.1')
  const holder = globalThis as { [key]?: unknown }
  const ours = processMachines()
  expect([processMachines(), holder[key]]).toEqual([ours, ours])
  holder[key] = 'something else'
  joinMachine(processMachines(), 'a', () => undefined).leave()
  expect(holder[key]).toBe('something else')
  holder[key] = ours
  const odd = new Map([['a', 'no set']]) as unknown as MachineRegistry
  joinMachine(odd, 'a', () => undefined).leave()
  expect(odd.size).toBe(0)
})

describe('what others tell of a position', () => {
  const seen = fc.record({
    lsn: fc.bigInt(0n, 9n),
    at: fc.nat(30),
    standby: fc.constantFrom(true, true, false),
    timeline: fc.constantFrom(1, 1, 1, 2),
  })
  const step = fc.record({ own: fc.boolean(), machine: fc.constantFrom('a', 'b'), seen })

  test('raises a guess, and changes nothing that proves', () => {
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const [alone, raised] = [createKnownPositions(), createKnownPositions()]
        for (const each of steps) {
          if (!each.own) {
            raised.raise('ord', each.machine, each.seen)
            continue
          }
          for (const known of [alone, raised]) {
            known.note('ord', { ...each.seen, machine: each.machine, systemIdentifier: '7' })
          }
        }
        const facts = (known: KnownPositions) => [
          known.of('ord'),
          [...known.all('ord')],
          known.timelinesOf('7')?.latest(),
          known.timelinesOf('7')?.forkPositionOf(1, 2),
        ]
        expect(facts(raised)).toEqual(facts(alone))
        const [own, likely] = [[...raised.all('ord')], [...raised.likely('ord')]]
        expect(likely).toHaveLength(own.length)
        for (const each of likely) {
          const told = own.find(({ machine }) => machine === each.machine)
          expect(each).toEqual({ ...told, lsn: each.lsn, at: each.at })
          expect(each.lsn >= (told?.lsn ?? 0n) && each.at >= (told?.at ?? 0)).toBe(true)
        }
      }),
    )
  })

  test('ends with a later answer of its own, with the machine, and with the name', () => {
    const positions = createKnownPositions()
    const likely = (): unknown => [...positions.likely('ord')].map(({ lsn }) => lsn)
    const note = (lsn: bigint, at: number): void =>
      positions.note('ord', { machine: 'a', lsn, at, standby: true, timeline: 1, systemIdentifier: '7' })
    note(5n, 10)
    positions.raise('ord', 'a', { lsn: 9n, at: 20, standby: true, timeline: 1 })
    note(6n, 15)
    expect(likely()).toEqual([9n])
    note(7n, 25)
    expect(likely()).toEqual([7n])
    positions.forgetMachine('ord', 'a')
    expect(likely()).toEqual([])
    note(7n, 26)
    positions.forget('ord')
    expect(likely()).toEqual([])
  })
})

/** A pool that lists one machine, and what it does for what it hears. */
class Pool {
  readonly positions = createKnownPositions()
  readonly done: string[] = []
  readonly sharing: ReturnType<typeof createCrossPoolSharing>

  constructor(registry: MachineRegistry, onNews?: () => void) {
    this.sharing = createCrossPoolSharing({
      registry,
      positions: this.positions,
      onNews: (server) => {
        this.done.push(`ask ${server}`)
        onNews?.()
      },
      onLack: (_, machine, { lacksSince }: Lack) => this.done.push(`${machine} lacks since ${lacksSince}`),
    })
  }

  heard(role: Observation['role'], known: Partial<Observation> = {}, lacksSince?: number): void {
    const seen = observation(role, { machine: MACHINE, sentAt: performance.now(), ...known })
    const { machine, lsn = 0n, sentAt: at, timeline, systemIdentifier } = seen
    if (timeline !== undefined && systemIdentifier !== undefined)
      this.positions.note('ord', { machine, lsn, at, standby: role === 'replica', timeline, systemIdentifier })
    this.sharing.heard('ord', seen, lacksSince)
  }
}

function twoPools(): { readonly a: Pool; readonly b: Pool; readonly registry: MachineRegistry } {
  const registry: MachineRegistry = new Map()
  return { a: new Pool(registry), b: new Pool(registry), registry }
}

test.each<[what: string, known: Partial<Observation>]>([
  ['behind a pooler', { pooled: true }],
  ['over a socket', { machine: START }],
  ['without a position', { lsn: undefined }],
  ['without a timeline', { timeline: undefined }],
  ['without a cluster', { systemIdentifier: undefined }],
  ['with a role that may not ask everything', { refused: [{ call: 'pg_backend_pid()', code: '42501' }] }],
])('nothing is shared %s', (_, known) => {
  const { a, b, registry } = twoPools()
  b.heard('replica')
  a.heard('replica')
  expect(registry.size).toBe(1)
  for (const each of [a, b]) each.heard('replica', known)
  expect(registry.size).toBe(0)
})

test.each<[what: string, known: Partial<Observation>]>([
  ['of another cluster', { systemIdentifier: '8' }],
  ['after it has started anew', { machine: '1764009999.123456 10.0.0.7 5432' }],
  ['on another port', { machine: `${START} 10.0.0.7 5433` }],
])('a machine at the same address, but %s, is another one', (_, known) => {
  const { a, b, registry } = twoPools()
  b.heard('replica')
  a.heard('primary', { timeline: 2, ...known })
  expect([b.done, registry.size]).toEqual([[], 2])
  b.sharing.stop()
  expect([...registry.keys()]).toEqual([machineKey(known.systemIdentifier ?? '7', known.machine ?? MACHINE)])
})

test('a promotion makes the others ask, once', () => {
  const { a, b } = twoPools()
  for (const each of [a, b]) each.heard('replica')
  a.heard('primary', { timeline: 2 })
  a.heard('primary', { timeline: 2 })
  expect([a.done, b.done]).toEqual([[], ['ask ord']])
  expect([b.positions.timelinesOf('7')?.latest(), b.positions.of('ord')?.standby]).toEqual([1, true])
})

test('two that contradict each other do not keep each other busy', () => {
  const registry: MachineRegistry = new Map()
  const a: Pool = new Pool(registry, () => a.heard('primary', { timeline: 1 }))
  const b: Pool = new Pool(registry, () => b.heard('replica', { timeline: 2 }))
  a.heard('primary', { timeline: 1 })
  b.heard('replica', { timeline: 2 })
  expect([...a.done, ...b.done].length).toBeLessThanOrEqual(2)
})

test('an older stage is no news, and a position is a guess', () => {
  const { a, b } = twoPools()
  b.heard('primary', { timeline: 2, lsn: 5n, sentAt: performance.now() - 200 })
  a.heard('replica', { timeline: 1, lsn: 9n, sentAt: performance.now() - 100 })
  expect([b.done, [...b.positions.likely('ord')].map(({ lsn }) => lsn)]).toEqual([[], [5n]])
  a.heard('primary', { timeline: 2, lsn: 9n })
  expect([b.done, b.positions.of('ord')?.lsn]).toEqual([[], 5n])
  expect([...b.positions.likely('ord')].map(({ lsn }) => lsn)).toEqual([9n])
})

test('a lack that others have seen is told', () => {
  const { a, b } = twoPools()
  b.heard('replica')
  a.heard('replica', {}, 5)
  expect(b.done).toEqual([`${MACHINE} lacks since 5`])
})
