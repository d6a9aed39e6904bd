import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bandwidth } from '../../src/wan/bandwidth.ts'
import type { Scheduler } from '../../src/wan/scheduler.ts'
import type { LinkConditions } from '../../src/wan/link-conditions.ts'
import { createDirection, type Direction } from '../../src/wan/link-direction.ts'
import { jitter } from '../../src/wan/jitter.ts'
import { propagationDelay } from '../../src/wan/propagation-delay.ts'
import { partition } from '../../src/wan/partition.ts'

/** A direction whose time passes when the test says so. */
function createRig(given: Partial<LinkConditions>, random: () => number = Math.random) {
  const conditions: LinkConditions = {
    rttMs: 0,
    jitterMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    partitioned: false,
    ...given,
  }
  let now = 1_000
  let calls: { due: number; run: () => void }[] = []
  const scheduler: Scheduler = {
    ready: Promise.resolve(),
    now: () => now,
    at: (due, run) => {
      calls.push({ due, run })
    },
    stop: () => {
      calls = []
    },
  }
  const impairments = [
    bandwidth(conditions),
    propagationDelay(conditions),
    jitter(conditions, random),
    partition(conditions),
  ]
  const direction: Direction = createDirection(conditions, impairments, scheduler)
  const pass = (ms: number): void => {
    const end = now + ms
    for (;;) {
      const next = calls.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)[0]
      if (next === undefined) break
      calls.splice(calls.indexOf(next), 1)
      now = Math.max(now, next.due)
      next.run()
    }
    now = end
  }
  return { conditions, direction, pass, sinceStart: () => now - 1_000 }
}

test('what is sent arrives after half of the round trip, and counts as under way until then', () => {
  const { direction, pass, sinceStart } = createRig({ rttMs: 100 })
  const channel = direction.channel()
  const arrived: [string, number][] = []
  channel.send(10, () => arrived.push(['a', sinceStart()]))
  pass(20)
  channel.send(5, () => arrived.push(['b', sinceStart()]))
  expect(channel.bytes).toBe(15)
  pass(40)
  expect([arrived, channel.bytes]).toEqual([[['a', 50]], 5])
  pass(40)
  expect([arrived, channel.bytes]).toEqual([
    [
      ['a', 50],
      ['b', 70],
    ],
    0,
  ])
})

test('a quicker packet waits for the slower one before it, but not for another connection', () => {
  const draws = [0.9, 0, 0]
  const { direction, pass, sinceStart } = createRig({ jitterMs: 100 }, () => draws.shift() ?? 0)
  const [one, other] = [direction.channel(), direction.channel()]
  const arrived: [string, number][] = []
  one.send(1, () => arrived.push(['slow', sinceStart()]))
  one.send(1, () => arrived.push(['behind', sinceStart()]))
  other.send(1, () => arrived.push(['other', sinceStart()]))
  pass(100)
  expect(arrived).toEqual([
    ['other', 0],
    ['slow', 90],
    ['behind', 90],
  ])
})

test('a new distance holds for what leaves after it', () => {
  const { conditions, direction, pass, sinceStart } = createRig({ rttMs: 100 })
  const channel = direction.channel()
  const arrived: number[] = []
  channel.send(1, () => arrived.push(sinceStart()))
  conditions.rttMs = 300
  channel.send(1, () => arrived.push(sinceStart()))
  pass(1_000)
  expect(arrived).toEqual([50, 150])
})

test('a partition keeps what is sent, loses what is under way, and gives both back in order after it', () => {
  const { conditions, direction, pass, sinceStart } = createRig({ rttMs: 100 })
  const channel = direction.channel()
  const arrived: [string, number][] = []
  channel.send(1, () => arrived.push(['under way', sinceStart()]))
  pass(10)
  conditions.partitioned = true
  channel.send(1, () => arrived.push(['kept', sinceStart()]))
  pass(990)
  expect([arrived, channel.bytes]).toEqual([[], 2])
  conditions.partitioned = false
  direction.resume()
  channel.send(1, () => arrived.push(['after', sinceStart()]))
  pass(1_000)
  expect(arrived).toEqual([
    ['under way', 1_050],
    ['kept', 1_050],
    ['after', 1_050],
  ])
})

test('a narrow line is not charged twice for what a partition held back', () => {
  const { conditions, direction, pass, sinceStart } = createRig({ bytesPerSecond: 1_000 })
  const channel = direction.channel()
  const arrived: number[] = []
  conditions.partitioned = true
  for (let i = 0; i < 3; i++) channel.send(1_000, () => arrived.push(sinceStart()))
  pass(500)
  conditions.partitioned = false
  direction.resume()
  pass(10_000)
  expect(arrived).toEqual([1_500, 2_500, 3_500])
})

test('a line that is widened lets its queue go, and takes nothing back that was sooner', () => {
  const { conditions, direction, pass, sinceStart } = createRig({ rttMs: 200, bytesPerSecond: 1_000 })
  const channel = direction.channel()
  const arrived: number[] = []
  for (let i = 0; i < 3; i++) channel.send(1_000, () => arrived.push(sinceStart()))
  pass(1_050)
  conditions.bytesPerSecond = Number.POSITIVE_INFINITY
  direction.resume()
  pass(1_000)
  expect(arrived).toEqual([1_100, 1_150, 1_150])
})

test('a closed channel delivers nothing, and takes nothing', () => {
  const { direction, pass } = createRig({ rttMs: 10 })
  const channel = direction.channel()
  const arrived: string[] = []
  channel.send(1, () => arrived.push('before'))
  channel.close()
  channel.send(1, () => arrived.push('after'))
  direction.resume()
  pass(100)
  expect(arrived).toEqual([])
})

test('whatever happens, everything arrives once, in order, and not before its time', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('send' as const), channel: fc.nat(1), bytes: fc.nat(20_000) }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.nat(80) }),
    fc.record({ do: fc.constant('jitter' as const), ms: fc.nat(60) }),
    fc.record({ do: fc.constant('bandwidth' as const), rate: fc.integer({ min: 10_000, max: 1_000_000 }) }),
    fc.record({ do: fc.constant('cut' as const) }),
    fc.record({ do: fc.constant('heal' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(200), (steps, rttMs) => {
      const { conditions, direction, pass, sinceStart } = createRig({ rttMs })
      const channels = [direction.channel(), direction.channel()]
      const sent: number[][] = [[], []]
      const arrived: number[][] = [[], []]
      let n = 0
      for (const each of steps) {
        if (each.do === 'pass') pass(each.ms)
        else if (each.do === 'jitter') conditions.jitterMs = each.ms
        else if (each.do === 'cut') conditions.partitioned = true
        else if (each.do === 'heal' || each.do === 'bandwidth') {
          if (each.do === 'heal') conditions.partitioned = false
          else conditions.bytesPerSecond = each.rate
          direction.resume()
        } else {
          const id = n++
          const sentAt = sinceStart()
          sent[each.channel]?.push(id)
          channels[each.channel]?.send(each.bytes, () => {
            expect(conditions.partitioned).toBe(false)
            expect(sinceStart() - sentAt).toBeGreaterThanOrEqual(rttMs / 2 - 1e-6)
            arrived[each.channel]?.push(id)
          })
        }
      }
      conditions.partitioned = false
      direction.resume()
      pass(1e9)
      expect(arrived).toEqual(sent)
      expect(channels.map(({ bytes }) => bytes)).toEqual([0, 0])
    }),
  )
})
