import { type Inflicted, type Deed, isRead, type Promotion } from 'pg-nearest-world/chaos'

/** A stretch without any success is one if it is longer than this; with 15 and more a second, one is due every 70 ms. */
const STRETCH_MS = 300

/** Milliseconds; `never`: how many times it did not come back before the end. */
export interface Spread {
  readonly count: number
  readonly min?: number
  readonly median?: number
  readonly max?: number
  readonly never: number
}

export interface Recovery {
  readonly reads: Spread
  readonly writes: Spread
}

/**
 * Milliseconds from the beginning of a fault to the first success of an operation that was issued after it, and that ended a
 * stretch of no success.
 *
 * The stretches are those between two successes (the first: from the beginning of the fault) that began during the fault and
 * were longer than {@link STRETCH_MS}; the first of them is taken as what the fault has done. If there is none, the fault was
 * not felt, and it is the first success of an operation issued after it.
 *
 * @returns `undefined` if there was no success any more.
 */
export function recoveryMs(deeds: readonly Deed[], { from, to }: Pick<Inflicted, 'from' | 'to'>): number | undefined {
  const ends = deeds
    .filter(({ outcome, invokedAt }) => outcome === 'ok' && invokedAt >= from)
    .map(({ completedAt }) => completedAt)
    .toSorted((a, b) => a - b)
  const [first] = ends
  if (first === undefined) return undefined
  let last = from
  for (const end of ends) {
    if (end - last > STRETCH_MS) return end - from
    last = end
    if (last > to) break
  }
  return to - last > STRETCH_MS ? undefined : first - from
}

/** Of each kind of fault, over all of its times, how long it took until the last app was well again. */
export function recoveries(
  deeds: readonly Deed[],
  inflicted: readonly Inflicted[],
): Readonly<Record<string, Recovery>> {
  const apps = [...new Set(deeds.map(({ app }) => app))]
  const worst = (fault: Inflicted, reads: boolean): number | undefined =>
    worstOf(
      apps.map((app) =>
        recoveryMs(
          deeds.filter((deed) => deed.app === app && isRead(deed) === reads),
          fault,
        ),
      ),
    )
  const names = [...new Set(inflicted.map(({ name }) => name))]
  const spread = (name: string, reads: boolean): Spread =>
    spreadOf(inflicted.filter((fault) => fault.name === name).map((fault) => worst(fault, reads)))
  return Object.fromEntries(names.map((name) => [name, { reads: spread(name, true), writes: spread(name, false) }]))
}

/** Milliseconds from the end of `pg_promote` until every app has had a write acknowledged by the promoted server. */
export function takeovers(deeds: readonly Deed[], promotions: readonly Promotion[]): Spread {
  const apps = [...new Set(deeds.map(({ app }) => app))]
  return spreadOf(
    promotions.map(({ promoted, startedAt, promotedAt }) =>
      worstOf(
        apps.map((app) => {
          const acknowledged = deeds.filter(
            (deed) =>
              deed.app === app &&
              !isRead(deed) &&
              deed.outcome === 'ok' &&
              deed.server === promoted &&
              deed.invokedAt >= startedAt,
          )
          if (acknowledged.length === 0) return undefined
          return Math.max(0, Math.min(...acknowledged.map(({ completedAt }) => completedAt)) - promotedAt)
        }),
      ),
    ),
  )
}

function worstOf(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((ms) => ms !== undefined)
  return known.length === times.length && known.length > 0 ? Math.max(...known) : undefined
}

export function spreadOf(times: readonly (number | undefined)[]): Spread {
  const known = times.filter((ms) => ms !== undefined).toSorted((a, b) => a - b)
  const [min] = known
  const max = known.at(-1)
  const median = known[Math.floor((known.length - 1) / 2)]
  const never = times.length - known.length
  if (min === undefined || median === undefined || max === undefined) return { count: times.length, never }
  return { count: times.length, min: Math.round(min), median: Math.round(median), max: Math.round(max), never }
}
