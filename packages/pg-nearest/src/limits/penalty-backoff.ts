/** For how long something must stay away. It ends by itself. */
export interface Penalty {
  /** By the clock that `penalize` was given. */
  readonly until: number
  readonly ms: number
}

const FIRST_MS = 1_000
const GROWTH = 4
const MOST_MS = 600_000
/** After so many times as long without another one, all is forgotten. */
const FORGOTTEN_AFTER = 8

/** The next one: longer if it comes soon after the last. While that lasts it is the same event, and only begins again. Pure. */
export function penalize(last: Penalty | undefined, now: number): Penalty {
  const ms = nextMs(last, now)
  return { until: now + ms, ms }
}

export function isPenalized(penalty: Penalty | undefined, now: number): boolean {
  return penalty !== undefined && now < penalty.until
}

function nextMs(last: Penalty | undefined, now: number): number {
  if (last === undefined || now >= last.until + last.ms * FORGOTTEN_AFTER) return FIRST_MS
  return isPenalized(last, now) ? last.ms : Math.min(MOST_MS, last.ms * GROWTH)
}
