import type { Turns } from '../chaos/load.ts'

/** How fast a page lives: at full pace while something happens, and at an eighth of it while nothing does, because one machine plays all regions. */
export interface Pace {
  /** Something has happened: full pace, for a while. */
  quicken(): void
  /** For each thing that is done again and again: all of its turns are taken at full pace, every eighth at rest. */
  readonly turns: Turns
}

/** Long enough to see what follows from what has happened. */
const QUICK_MS = 20_000
const AT_REST_ONE_IN = 8

export function createPace(now: () => number = () => performance.now()): Pace {
  let quickUntil = -Infinity
  return {
    quicken() {
      quickUntil = now() + QUICK_MS
    },
    turns() {
      let turn = 0
      return () => now() < quickUntil || turn++ % AT_REST_ONE_IN === 0
    },
  }
}
