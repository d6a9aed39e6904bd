import type { QueryEvent } from 'pg-nearest'

/** A few of many statements, for people to look at: nobody reads twenty a second. */
export interface StatementSample<T> {
  /** Keeps it, or not; `make` is called only if it is kept. */
  offer(event: QueryEvent, make: () => T): void
  take(): readonly T[]
}

const MOST = 4

export function createStatementSample<T>(): StatementSample<T> {
  let kept: { readonly rank: number; readonly value: T }[] = []
  return {
    offer(event, make) {
      const rank = rankOf(event)
      if (kept.length >= MOST) {
        const least = kept.reduce((low, each, i) => (each.rank < (kept[low]?.rank ?? 0) ? i : low), 0)
        if ((kept[least]?.rank ?? 0) >= rank) return
        kept.splice(least, 1)
      }
      kept.push({ rank, value: make() })
    },
    take() {
      const values = kept.map(({ value }) => value)
      kept = []
      return values
    },
  }
}

/** What is rare is worth more. */
export function rankOf({ servedBy, error }: Pick<QueryEvent, 'servedBy' | 'error'>): number {
  if (error !== undefined) return 4
  if (servedBy === undefined || servedBy.attempts > 1) return 3
  if (!['own-region', 'write', 'transaction'].includes(servedBy.reason)) return 2
  return servedBy.reason === 'own-region' ? 0 : 1
}
