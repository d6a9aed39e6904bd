import type { ServedBy, ServerStatus } from 'pg-nearest'

/** A read, and what decided where it went. */
export type Read = Pick<ServedBy, 'server' | 'reason'>

/** So many in a row make a move, whatever has decided. A few may only have looked for what their session has written. */
const IN_A_ROW = 8
/** Of those that nothing but the distance decides: one may have been on its way while servers came and went. */
const BY_DISTANCE = 2

type Reason = Read['reason']

const DISTANCE: ReadonlySet<Reason> = new Set<Reason>(['own-region', 'nearest', 'no-replica'])
const READS: ReadonlySet<Reason> = new Set<Reason>([...DISTANCE, 'lagging', 'unproven', 'retry', 'hedged'])

/** Whether a statement that ran for this reason is a read that was sent where it is best read. */
export function isRead(reason: Reason): boolean {
  return READS.has(reason)
}

/** An app's latest reads, newest last, with one more. */
export function withRead(latest: readonly Read[], read: Read): readonly Read[] {
  return [...latest, read].slice(-IN_A_ROW)
}

/** The server that an app reads from, by its latest reads; `undefined` while they do not tell. */
export function readingFrom(latest: readonly Read[]): string | undefined {
  const byDistance = latest.filter(({ reason }) => DISTANCE.has(reason)).slice(-BY_DISTANCE)
  if (byDistance.length === BY_DISTANCE) return common(byDistance)
  return latest.length === IN_A_ROW ? common(latest) : undefined
}

/**
 * Where an app reads from now, if this read alone tells that it has gone elsewhere: the server that it read from is down, and another one
 * has answered. That one may only have been asked for what a session has written; the pool says which it has chosen instead.
 */
export function movedTo(
  from: string | undefined,
  { server }: Pick<Read, 'server'>,
  servers: readonly Pick<ServerStatus, 'name' | 'health' | 'readFrom'>[],
): string | undefined {
  const isDown = servers.some(({ name, health }) => name === from && health === 'down')
  if (!isDown || server === from) return undefined
  const chosen = servers.filter(({ readFrom }) => readFrom).map(({ name }) => name)
  return chosen.includes(server) ? server : chosen[0]
}

function common(reads: readonly Read[]): string | undefined {
  const [first] = reads
  return reads.every(({ server }) => server === first?.server) ? first?.server : undefined
}
