import { describe, expect, it } from 'vitest'
import { dragMeaning } from '../../src/state/drag-meaning.ts'
import { cityOf, initialWorld, reduceWorld } from '../../src/state/reduce-world.ts'
import { REASONS } from '../../src/state/route-words.ts'
import type { WorldEvent, WorldState } from '../../src/state/world-state.ts'

const place = (region: string, city: string) => ({ region, city, latitude: 0, longitude: 0 })

const start = initialWorld({
  primary: 'nrt',
  version: '18.4',
  places: [place('nrt', 'Tokyo'), place('ord', 'Chicago'), place('atl', 'Atlanta')],
  candidates: [place('fra', 'Frankfurt')],
  app: undefined,
})

const after = (...events: readonly WorldEvent[]): WorldState => events.reduce(reduceWorld, start)
const reading = (region: string, from: string): WorldEvent => ({
  type: 'reading',
  region,
  from,
  reason: 'nearest',
  at: 7,
})
const sample = (region: string, nearest: number) => ({ region, nearest, plain: 100, write: undefined })

describe('reduceWorld', () => {
  it('tells in words when an app reads from elsewhere, and when it is back, but not where it began', () => {
    const state = after(reading('ord', 'ord'), reading('ord', 'atl'), reading('ord', 'ord'))
    expect(state.told.map(({ text }) => text)).toEqual([
      'Chicago reads from Atlanta now (nearest). No read failed.',
      'Chicago reads next door again (nearest). No read failed.',
    ])
    expect(state.reading).toEqual({ ord: 'ord' })
  })

  it('does not say that no read failed if one did', () => {
    const counters = { ...start.counters, readsFailed: 2 }
    const { told } = after({ type: 'counters', counters }, reading('ord', 'ord'), reading('ord', 'atl'))
    expect(told.at(-1)?.text).toContain('2 reads have failed so far.')
  })

  it('keeps no more than it shows', () => {
    const told = Array.from({ length: 150 }, (_, at): WorldEvent => ({
      type: 'told',
      told: { at, tone: 'info', text: '' },
    }))
    const seconds = Array.from({ length: 150 }, (_, at): WorldEvent => ({
      type: 'latency',
      at,
      samples: [sample('nrt', at)],
    }))
    const state = after(...told, ...seconds)
    expect(state.told).toHaveLength(100)
    expect(state.times).toHaveLength(120)
    expect(state.latency['nrt']).toHaveLength(120)
    expect(state.latency['nrt']?.at(-1)?.nearest).toBe(149)
  })

  it('gives a region that joins a past without samples, so that all charts end at the same time', () => {
    const state = after(
      { type: 'latency', at: 1, samples: [sample('nrt', 1)] },
      { type: 'latency', at: 2, samples: [sample('nrt', 2), sample('fra', 3)] },
    )
    expect(state.latency['fra']?.map(({ nearest }) => nearest)).toEqual([undefined, 3])
    expect(state.times).toEqual([1, 2])
  })

  it('begins anew with a snapshot', () => {
    const other = { ...start, primary: 'ams' }
    expect(after(reading('ord', 'ord'), { type: 'snapshot', state: other })).toBe(other)
  })

  it('knows the cities of regions that may join, too', () => {
    expect(['nrt', 'fra', 'xyz'].map((region) => cityOf(start, region))).toEqual(['Tokyo', 'Frankfurt', 'xyz'])
  })
})

describe('the words for reasons', () => {
  it('are sentences', () => {
    for (const words of Object.values(REASONS)) expect(words).toMatch(/^[A-Z].*\.$/)
  })
})

describe('dragMeaning', () => {
  const server = (region: string, role: 'primary' | 'replica' | 'down') => ({
    region,
    role,
    lsn: undefined,
    lagBytes: undefined,
    lagMs: undefined,
    paused: false,
    heldBackMs: 0,
    connections: undefined,
  })
  const link = (a: string, b: string, partitioned = false) => ({ a, b, rttMs: 1, usualRttMs: 1, partitioned })
  const world = after(
    { type: 'servers', servers: [server('nrt', 'primary'), server('ord', 'replica'), server('atl', 'down')] },
    { type: 'links', links: [link('nrt', 'ord'), link('nrt', 'atl', true), link('ord', 'atl')] },
  )

  it.each([
    ['the primary on a replica', 'nrt', 'ord', { words: 'Promote Chicago', action: { do: 'promote', region: 'ord' } }],
    ['the primary on a dead server', 'nrt', 'atl', undefined],
    [
      'a replica on another',
      'atl',
      'ord',
      { words: 'Cut Atlanta – Chicago', action: { do: 'partition', a: 'ord', b: 'atl' } },
    ],
    [
      'a replica on the primary',
      'ord',
      'nrt',
      { words: 'Cut Chicago – Tokyo', action: { do: 'partition', a: 'nrt', b: 'ord' } },
    ],
    [
      'over a link that is cut',
      'atl',
      'nrt',
      { words: 'Mend Atlanta – Tokyo', action: { do: 'heal', a: 'nrt', b: 'atl' } },
    ],
    ['on itself', 'ord', 'ord', undefined],
    ['on what is not in the world', 'ord', 'fra', undefined],
  ] as const)('%s', (_, from, to, meaning) => {
    expect(dragMeaning(world, from, to)).toEqual(meaning)
  })

  it('is nothing while something is being done', () => {
    expect(dragMeaning({ ...world, busy: 'Killing Chicago' }, 'nrt', 'ord')).toBeUndefined()
  })
})
