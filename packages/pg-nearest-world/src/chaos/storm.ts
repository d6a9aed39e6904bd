import { setTimeout as sleep } from 'node:timers/promises'
import type { World } from '../world-types.ts'
import type { Fault, Inflicted } from './simple-faults.ts'
import { seededRandom, seedOf } from './random.ts'
import type { FaultName } from './chaos-faults.ts'

export interface Step {
  readonly name: FaultName
  readonly lastsMs: number
  /** Before it. */
  readonly restMs: number
}

/** A promotion comes thrice as often as anything else. */
const HAND: readonly FaultName[] = [
  ...Array<FaultName>(3).fill('promote'),
  'promote a laggard',
  'pause',
  'kill',
  'slow',
  'partition',
  'freeze',
  'isolate',
  'cut off an app',
  'crash the primary',
  'two at once',
]

/** Without end: every kind before any comes again, in an order and for a time that the seed says. */
export function* stepsOf(seed: number): Generator<Step, never> {
  const random = seededRandom(seedOf(seed, -1))
  for (;;) {
    for (const name of random.shuffle(HAND)) {
      yield {
        name,
        lastsMs: Math.round(random.between(2_000, 8_000)),
        restMs: Math.round(random.between(1_500, 3_000)),
      }
    }
  }
}

export interface StormOptions {
  readonly seed: number
  readonly steps: Iterable<Step>
  readonly faults: ReadonlyMap<string, Fault>
  /** Resolves when all apps are well again, or when that takes too long. */
  readonly settled: (signal: AbortSignal) => Promise<void>
  /** No step begins after it, and the current one is healed. */
  readonly signal: AbortSignal
}

export interface Storm {
  readonly inflicted: readonly Inflicted[]
  readonly current: string | undefined
  /** Resolves when everything is healed. */
  readonly done: Promise<void>
}

/** One fault after the other: what an app suffers is that fault's doing, and a promotion finds every replica alive. */
export function startStorm(world: World, { seed, steps, faults, settled, signal }: StormOptions): Storm {
  const random = seededRandom(seedOf(seed, -2))
  const inflicted: Inflicted[] = []
  let current: string | undefined
  const play = async (): Promise<void> => {
    for (const { name, lastsMs, restMs } of steps) {
      await rest(restMs, signal)
      await settled(signal)
      if (signal.aborted) return
      const aim = faults.get(name)?.aim(world, random)
      if (aim === undefined) throw new TypeError(`There is no fault ${name}.`)
      current = aim.what
      const from = performance.now()
      try {
        await aim.inflict()
        await rest(lastsMs - (performance.now() - from), signal)
      } finally {
        await aim.heal()
        inflicted.push({ name, what: aim.what, from, to: performance.now() })
        current = undefined
      }
    }
  }
  return {
    inflicted,
    get current() {
      return current
    },
    done: play(),
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined)
}
