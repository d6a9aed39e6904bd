import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check, type Guarantee, type Operation, seededRandom, seedOf } from 'pg-nearest-world/chaos'

type Short = [kind: 'read' | 'write', version: number | undefined, from: number, to: number, more?: Partial<Operation>]

const operation = ([kind, version, invokedAt, completedAt, more]: Short): Operation => ({
  session: 'a',
  kind,
  register: 1,
  ...(version === undefined ? {} : { version }),
  invokedAt,
  completedAt,
  outcome: 'ok',
  ...more,
})

const history = (...operations: Short[]): Operation[] => operations.map(operation)

const guarantees = (operations: readonly Operation[]): Guarantee[] =>
  check(operations).violations.map(({ guarantee }) => guarantee)

describe('a history that keeps both guarantees', () => {
  const kept: Record<string, Operation[]> = {
    'nothing at all': [],
    'reads its write': history(['write', 3, 1, 2], ['read', 3, 3, 4]),
    'reads a later write than its own': history(['write', 3, 1, 2], ['read', 9, 3, 4], ['read', 9, 5, 6]),
    'a read that overlaps the write': history(['write', 3, 1, 4], ['read', 2, 3, 5]),
    'a read that began as the write was acknowledged': history(['write', 3, 1, 4], ['read', 2, 4, 5]),
    'overlapping reads, in either order': history(['read', 5, 1, 4], ['read', 3, 2, 3], ['read', 5, 3.5, 9]),
    'a longer read that began before a shorter one': history(['read', 2, 1, 9], ['read', 5, 2, 3]),
    'another session': history(['write', 3, 1, 2], ['read', 2, 3, 4, { session: 'b' }]),
    'another register': history(['write', 3, 1, 2], ['read', 2, 3, 4, { register: 2 }]),
    'a write that failed': history(['write', undefined, 1, 2, { outcome: 'failed' }], ['read', 2, 3, 4]),
    'a write that nobody is sure of': history(['write', undefined, 1, 2, { outcome: 'unknown' }], ['read', 2, 3, 4]),
    'a read that failed': history(['write', 3, 1, 2], ['read', undefined, 3, 4, { outcome: 'failed' }]),
  }
  for (const [name, operations] of Object.entries(kept)) {
    test(name, () => {
      expect(guarantees(operations)).toEqual([])
      expect(guarantees(operations.toReversed()), 'in whatever order they are noted').toEqual([])
    })
  }
})

describe('a violation', () => {
  test('read-your-writes: with the write and the read', () => {
    const [write, read] = history(['write', 3, 1, 2], ['read', 2, 3, 4])
    if (write === undefined || read === undefined) throw new Error('two were made')
    const { violations, counts } = check([read, write])
    expect(violations).toEqual([{ guarantee: 'read-your-writes', earlier: write, read }])
    expect(counts).toEqual({
      operations: 2,
      sessions: 1,
      reads: 1,
      writes: 1,
      failed: 0,
      unknown: 0,
      bound: { 'read-your-writes': 1, 'monotonic-reads': 0 },
      violated: { 'read-your-writes': 1, 'monotonic-reads': 0 },
    })
  })

  test('monotonic-reads: with the newest of the reads before', () => {
    const operations = history(['read', 5, 1, 2], ['read', 7, 3, 4], ['read', 7, 5, 6], ['read', 6, 7, 8])
    const { violations } = check(operations)
    expect(violations).toEqual([{ guarantee: 'monotonic-reads', earlier: operations[1], read: operations[3] }])
  })

  test('both, by one read', () => {
    expect(guarantees(history(['write', 3, 1, 2], ['read', 3, 3, 4], ['read', 2, 5, 6]))).toEqual([
      'read-your-writes',
      'monotonic-reads',
    ])
  })

  test('of the newest write, though an older one was acknowledged after it', () => {
    const operations = history(['write', 4, 1, 3], ['write', 3, 1.5, 4], ['read', 3, 5, 6])
    expect(check(operations).violations).toMatchObject([{ earlier: operations[0] }])
  })

  test('behind an unknown write that was seen before', () => {
    const seen = history(['write', undefined, 1, 2, { outcome: 'unknown' }], ['read', 3, 3, 4], ['read', 2, 5, 6])
    expect(guarantees(seen)).toEqual(['monotonic-reads'])
  })

  test('of a read that comes after a violation is measured by the newest version, not by the last', () => {
    expect(guarantees(history(['read', 5, 1, 2], ['read', 3, 3, 4], ['read', 4, 5, 6]))).toHaveLength(2)
  })
})

/** A step of one of several clients: it takes effect at once, somewhere between its beginning and its end. */
const anyStep = fc.record({
  session: fc.nat({ max: 3 }),
  register: fc.nat({ max: 2 }),
  kind: fc.constantFrom('read' as const, 'write' as const),
  before: fc.integer({ min: 1, max: 50 }),
  after: fc.integer({ min: 1, max: 50 }),
})

/** A store with one copy of everything; operations take effect in order, and overlap as they will. */
const anyCorrectHistory = fc.array(anyStep, { maxLength: 120 }).map((steps) => {
  const store = new Map<number, number>()
  return steps.map(({ session, register, kind, before, after }, index): Operation => {
    const effect = index * 10
    if (kind === 'write') store.set(register, (store.get(register) ?? 0) + 1)
    return {
      session: `s${session}`,
      kind,
      register,
      version: store.get(register) ?? 0,
      invokedAt: effect - before,
      completedAt: effect + after,
      outcome: 'ok',
    }
  })
})

describe('any history', () => {
  test('of a correct store has no violation', () => {
    fc.assert(
      fc.property(anyCorrectHistory, (operations) => {
        expect(check(operations).violations).toEqual([])
      }),
    )
  })

  test('with a stale read planted in it has that violation', () => {
    fc.assert(
      fc.property(anyCorrectHistory, fc.nat(), fc.integer({ min: 1, max: 5 }), (operations, which, behind) => {
        const known = operations.filter(({ version = 0 }) => version > 0)
        const earlier = known[which % Math.max(known.length, 1)]
        fc.pre(earlier !== undefined)
        const planted: Operation = {
          ...earlier,
          kind: 'read',
          version: (earlier.version ?? 0) - behind,
          invokedAt: earlier.completedAt + 1,
          completedAt: earlier.completedAt + 2,
        }
        const guarantee = earlier.kind === 'write' ? 'read-your-writes' : 'monotonic-reads'
        const found = check([...operations, planted]).violations.filter(({ read }) => read === planted)
        expect(found.map((violation) => violation.guarantee)).toContain(guarantee)
      }),
    )
  })

  test('is judged as by comparing everything with everything', () => {
    const anyHistory = fc.array(
      fc.record({
        session: fc.constantFrom('a', 'b'),
        kind: fc.constantFrom('read' as const, 'write' as const),
        register: fc.nat({ max: 1 }),
        version: fc.nat({ max: 6 }),
        from: fc.nat({ max: 60 }),
        takes: fc.integer({ min: 1, max: 20 }),
        outcome: fc.constantFrom('ok' as const, 'ok' as const, 'failed' as const),
      }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(anyHistory, (entries) => {
        const operations: Operation[] = entries.map(({ from, takes, ...entry }) => ({
          ...entry,
          invokedAt: from,
          completedAt: from + takes,
        }))
        const stale = (kind: 'read' | 'write'): Operation[] =>
          operations.filter(
            (read) =>
              read.kind === 'read' &&
              read.outcome === 'ok' &&
              operations.some(
                (earlier) =>
                  earlier.kind === kind &&
                  earlier.outcome === 'ok' &&
                  earlier.session === read.session &&
                  earlier.register === read.register &&
                  earlier.completedAt < read.invokedAt &&
                  (earlier.version ?? 0) > (read.version ?? 0),
              ),
          )
        const { violations } = check(operations)
        const reads = (guarantee: Guarantee): Set<Operation> =>
          new Set(violations.filter((violation) => violation.guarantee === guarantee).map(({ read }) => read))
        expect(reads('read-your-writes')).toEqual(new Set(stale('write')))
        expect(reads('monotonic-reads')).toEqual(new Set(stale('read')))
      }),
    )
  })
})

describe('seeded chance', () => {
  test('makes the same choices again, and others with another seed', () => {
    const choices = (seed: number): number[] => {
      const random = seededRandom(seed)
      return Array.from({ length: 20 }, () => random.integer(1_000))
    }
    expect(choices(7)).toEqual(choices(7))
    expect(choices(7)).not.toEqual(choices(8))
    expect(new Set(Array.from({ length: 1_000 }, (_, who) => seedOf(7, who))).size).toBe(1_000)
  })

  test('stays within its bounds, and shuffles without loss', () => {
    const random = seededRandom(1)
    const drawn = Array.from({ length: 1_000 }, () => random.integer(5))
    expect(new Set(drawn)).toEqual(new Set([0, 1, 2, 3, 4]))
    expect(new Set(random.shuffle([1, 2, 3, 4]))).toEqual(new Set([1, 2, 3, 4]))
    expect(() => random.pick([])).toThrow(RangeError)
  })
})
