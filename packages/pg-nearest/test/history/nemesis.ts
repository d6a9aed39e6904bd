import { setTimeout as sleep } from 'node:timers/promises'
import type { World } from 'pg-nearest-world'
import { type Aim, type Fault, FAULTS, type Inflicted, type Random, seededRandom, seedOf } from 'pg-nearest-world/chaos'

export interface NemesisOptions {
  readonly seed: number
  /** Default: all. */
  readonly faults?: readonly Fault[]
  /** How many faults at the same time, at most. Default 2. */
  readonly hands?: number
  /** Milliseconds that a fault lasts, least and most. Default 500 to 3,000. */
  readonly lasts?: readonly [number, number]
  /** Milliseconds between two faults of one hand, least and most. Default 200 to 1,500. */
  readonly rests?: readonly [number, number]
}

export interface Nemesis {
  /** What it has done until now, and healed. */
  readonly inflicted: readonly Inflicted[]
  /** What is broken just now. */
  readonly current: readonly string[]
  /** Heals everything. Rejects with what went wrong on the way, if anything did. */
  stop(): Promise<readonly Inflicted[]>
}

/** Breaks a world here and there, and mends it, until it is stopped. The same seed chooses the same faults. */
export function startNemesis(world: World, options: NemesisOptions): Nemesis {
  const { seed, faults = FAULTS, hands = 2, lasts = [500, 3_000], rests = [200, 1_500] } = options
  const ending = new AbortController()
  const inflicted: Inflicted[] = []
  const current = new Set<Aim>()
  const deal = dealer(faults, seededRandom(seedOf(seed, -1)))

  const hand = async (random: Random): Promise<void> => {
    while (!ending.signal.aborted) {
      await rest(random.between(...rests), ending.signal)
      if (ending.signal.aborted) return
      const fault = deal()
      const aim = aimApart(fault, world, random, current)
      if (aim === undefined) continue
      current.add(aim)
      const from = performance.now()
      try {
        await aim.inflict()
        await rest(random.between(...lasts), ending.signal)
      } finally {
        await aim.heal()
        current.delete(aim)
        inflicted.push({ name: fault.name, what: aim.what, from, to: performance.now() })
      }
    }
  }

  // Settled, so that one hand that fails leaves no other without a chance to heal what it broke.
  const done = Promise.allSettled(
    Array.from({ length: hands }, (_, index) => hand(seededRandom(seedOf(seed, index + 1_000)))),
  )
  return {
    inflicted,
    get current() {
      return [...current].map(({ what }) => what)
    },
    async stop() {
      ending.abort()
      const failures = (await done).flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
      if (failures.length > 0) throw new AggregateError(failures, 'The nemesis could not break or heal something.')
      return inflicted
    },
  }
}

/** Deals every kind once before any comes again, in a random order. */
function dealer(faults: readonly Fault[], random: Random): () => Fault {
  let left: Fault[] = []
  return () => {
    if (left.length === 0) left = random.shuffle(faults)
    const fault = left.pop()
    if (fault === undefined) throw new RangeError('A nemesis needs at least one kind of fault.')
    return fault
  }
}

/** Two faults of one replica, or of one link, would heal each other. */
function aimApart(fault: Fault, world: World, random: Random, current: ReadonlySet<Aim>): Aim | undefined {
  for (let tries = 0; tries < 10; tries++) {
    const aim = fault.aim(world, random)
    const taken = [...current].some(({ touches }) => touches.some((one) => aim.touches.includes(one)))
    if (!taken) return aim
  }
  return undefined
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
