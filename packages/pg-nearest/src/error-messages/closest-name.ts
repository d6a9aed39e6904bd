/** The known name of which this one is a spelling, but for one letter or none; `undefined` if there is none. */
export function misspelled(name: string, known: Iterable<string>): string | undefined {
  const text = plain(name)
  if (text.length < 4 || text.length > 64) return undefined
  for (const each of known) if (each !== name && distance(text, plain(each)) <= 1) return each
  return undefined
}

/** The known name that a mistyped one was most likely meant to be; `undefined` if none is close. */
export function closestName(wrong: string, known: Iterable<string>): string | undefined {
  const text = plain(wrong)
  // Long texts are no typing errors, and computing the distance takes quadratic time.
  if (text.length === 0 || text.length > 64) return undefined
  let best: Candidate | undefined
  for (const name of known) {
    const cost = costOf(text, plain(name))
    if (cost === undefined) continue
    const candidate = { name, cost, shared: sharedBeginning(text, plain(name)) }
    if (best === undefined || isCloser(candidate, best)) best = candidate
  }
  return best?.name
}

interface Candidate {
  readonly name: string
  readonly cost: number
  /** How many letters at the beginning are the same. */
  readonly shared: number
}

/** `idleTimeoutMs` is as far from `probeTimeoutMs` as from `idleTimeoutMillis`. */
function isCloser(a: Candidate, b: Candidate): boolean {
  return a.cost < b.cost || (a.cost === b.cost && a.shared > b.shared)
}

function sharedBeginning(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length += 1
  return length
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

function costOf(a: string, b: string): number | undefined {
  const cost = distance(a, b)
  if (cost <= Math.max(1, Math.floor(Math.min(a.length, b.length) / 3))) return cost
  // `idleTimeout` for `idleTimeoutMillis`: one is the beginning of the other.
  return Math.min(a.length, b.length) >= 4 && (a.startsWith(b) || b.startsWith(a)) ? cost : undefined
}

/** The Damerau-Levenshtein distance: insertions, deletions, substitutions, and swaps of neighbours. */
function distance(a: string, b: string): number {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1]
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current.push(
        Math.min(
          (current[column - 1] ?? Infinity) + 1,
          (last[column] ?? Infinity) + 1,
          (last[column - 1] ?? Infinity) + (same ? 0 : 1),
          swapped ? (beforeLast[column - 2] ?? Infinity) + 1 : Infinity,
        ),
      )
    }
    beforeLast = last
    last = current
  }
  return last[b.length] ?? Infinity
}
