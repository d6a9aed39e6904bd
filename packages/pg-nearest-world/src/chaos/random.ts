/** Chance that can be had again: two generators with one seed make the same choices. */
export interface Random {
  /** At least 0, less than 1. */
  next(): number
  /** An integer: at least 0, less than `below`. */
  integer(below: number): number
  between(least: number, most: number): number
  chance(probability: number): boolean
  pick<T>(choices: readonly T[]): T
  shuffle<T>(items: readonly T[]): T[]
}

export function seededRandom(seed: number): Random {
  const next = mulberry32(seed)
  const integer = (below: number): number => Math.floor(next() * below)
  return {
    next,
    integer,
    between: (least, most) => least + next() * (most - least),
    chance: (probability) => next() < probability,
    pick(choices) {
      if (choices.length === 0) throw new RangeError('There is nothing to choose from.')
      return choices[integer(choices.length)] as (typeof choices)[number]
    },
    shuffle(items) {
      const left = [...items]
      return items.map(() => left.splice(integer(left.length), 1)[0] as (typeof items)[number])
    },
  }
}

/** A seed of its own for each of several that choose at the same time: what one does cannot change another's choices. */
export function seedOf(seed: number, who: number): number {
  return Math.floor(mulberry32(seed ^ Math.imul(who + 1, 0x9e3779b1))() * 0x1_0000_0000)
}

/** Tommy Ettinger's: 32 bits of state, and good enough for a dice. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
