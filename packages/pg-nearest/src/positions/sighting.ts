/** What a machine has told of itself in one answer to one pool of this process. Moments by `performance.now()`. */
export interface Sighting {
  readonly standby: boolean
  readonly timeline: number
  /** Replay position of a standby, insert position of a primary. */
  readonly lsn: bigint
  /** When the question was sent. */
  readonly at: number
  /** The end of the WAL on its disk. */
  readonly walEnd: bigint | undefined
  /** Since when it has lacked WAL of its primary with that end, as far as that pool has seen. */
  readonly lacksSince: number | undefined
}

/** What tells apart what a machine was from what it has become. */
export type Stage = Pick<Sighting, 'standby' | 'timeline'>

/**
 * The machine, whatever its name: of which cluster, when it started, its address and its port. `undefined` if it does not tell all of that
 * (over a socket it has no address), so that another one may look the same.
 */
export function machineKey(systemIdentifier: string | undefined, machine: string | undefined): string | undefined {
  if (systemIdentifier === undefined || machine?.split(' ').length !== 3) return undefined
  return `${systemIdentifier} ${machine}`
}

/** It was promoted, or follows one that was: a machine becomes neither again while it runs. */
export function isAhead({ standby, timeline }: Stage, of: Stage): boolean {
  return (of.standby && !standby) || timeline > of.timeline
}

/** Reads what was told by another copy of this library, or by whatever else has found its way there. */
export function readSighting(told: unknown, now: number): Sighting | undefined {
  if (typeof told !== 'object' || told === null) return undefined
  const { standby, timeline, lsn, at, walEnd, lacksSince } = told as Readonly<Record<keyof Sighting, unknown>>
  if (typeof standby !== 'boolean' || !isTimeline(timeline) || !isLsn(lsn) || !isPast(at, now)) return undefined
  if (walEnd !== undefined && !isLsn(walEnd)) return undefined
  if (lacksSince !== undefined && !isPast(lacksSince, now)) return undefined
  return { standby, timeline, lsn, at, walEnd, lacksSince }
}

function isTimeline(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 32
}

function isLsn(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value < 2n ** 64n
}

function isPast(value: unknown, now: number): value is number {
  return typeof value === 'number' && value <= now && value >= 0
}
