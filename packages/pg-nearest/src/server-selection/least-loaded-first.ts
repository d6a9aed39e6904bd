import type { Chooser } from './server-selection.ts'

/** Servers of which none is better than the others, so prepared that a statement does not look at each. */
export interface Equals<T> {
  readonly members: readonly T[]
  /** All of them twice, so that from any one on the others follow. */
  readonly twice: readonly T[]
  /** For each the sum of the weights up to it. */
  readonly sums: readonly number[]
}

/** @param weights - in the order of the members; above 0 */
export function equalsOf<T>(members: readonly T[], weights: readonly number[]): Equals<T> {
  let sum = 0
  return { members, twice: [...members, ...members], sums: weights.map((weight) => (sum += weight)) }
}

/**
 * Draws two by weight, and puts the less loaded of them first ("power of two choices"): nearly even load, without all clients choosing the
 * same idle server. The others follow from a random one on, so that what fails on one is not sent to the same next one by all.
 */
export function leastLoadedFirst<T extends { readonly server: string }>(
  { members, twice, sums }: Equals<T>,
  { load, random }: Chooser,
): readonly T[] {
  const { length } = members
  if (length < 2) return members
  const one = draw(sums, random())
  const other = drawAnother(sums, random(), one)
  const loadOf = (at: number): number => load(members[at]?.server ?? '') / weightAt(sums, at)
  const [first, second] = loadOf(other) < loadOf(one) ? [other, one] : [one, other]
  const from = Math.floor(random() * length)
  const place = (at: number): number => (at < from ? at + length : at)
  const [a, b] = [Math.min(place(first), place(second)), Math.max(place(first), place(second))]
  const leading = twice.slice(first, first + 1)
  return leading.concat(
    twice.slice(second, second + 1),
    twice.slice(from, a),
    twice.slice(a + 1, b),
    twice.slice(b + 1, from + length),
  )
}

/** One comes as often as its weight says. */
function draw(sums: readonly number[], random: number): number {
  return indexOf(sums, random * (sums.at(-1) ?? 0))
}

function drawAnother(sums: readonly number[], random: number, one: number): number {
  const weight = weightAt(sums, one)
  const at = random * ((sums.at(-1) ?? 0) - weight)
  const drawn = indexOf(sums, at < (sums[one] ?? 0) - weight ? at : at + weight)
  // Sums of fractions are not exact.
  return drawn === one ? (one + 1) % sums.length : drawn
}

function weightAt(sums: readonly number[], at: number): number {
  return (sums[at] ?? 0) - (sums[at - 1] ?? 0)
}

/** The first of which the sum is more than that. */
function indexOf(sums: readonly number[], value: number): number {
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sums[middle] ?? 0) > value) high = middle
    else low = middle + 1
  }
  return low
}
