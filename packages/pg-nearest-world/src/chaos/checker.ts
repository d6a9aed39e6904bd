import type { Operation } from './operation.ts'

/** Two of the four session guarantees of Terry et al. (1994), by the names that Jepsen gives them. */
export type Guarantee = 'read-your-writes' | 'monotonic-reads'

/** A session has seen, or written, a version; a later read of that session went back behind it. */
export interface Violation {
  readonly guarantee: Guarantee
  /** The newest write that was acknowledged, or read that was answered, before the read began. */
  readonly earlier: Operation
  /** The read that returned an older version. */
  readonly read: Operation
}

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly counts: {
    readonly operations: number
    readonly sessions: number
    readonly reads: number
    readonly writes: number
    readonly failed: number
    readonly unknown: number
    /** Reads that had something to go back behind: those that could have been violations. */
    readonly bound: Readonly<Record<Guarantee, number>>
    readonly violated: Readonly<Record<Guarantee, number>>
  }
}

/** What a session knew of one register, newest version last; by time of completion and by version at once. */
type Knowledge = Operation[]

/**
 * Whether every session has read its own writes, and never an older version than before.
 *
 * Only what one operation can have known binds the next: an earlier operation binds a read if it was completed before the
 * read was invoked. Those of one session that overlap do not bind each other, and a write that failed, or that may have
 * happened, binds nobody until somebody reads it.
 */
export function check(history: readonly Operation[]): Verdict {
  const written = new Map<string, Knowledge>()
  const seen = new Map<string, Knowledge>()
  const violations: Violation[] = []
  const bound = { 'read-your-writes': 0, 'monotonic-reads': 0 }
  const violated = { 'read-your-writes': 0, 'monotonic-reads': 0 }
  const judge = (guarantee: Guarantee, earlier: Operation | undefined, read: Operation): void => {
    if (earlier === undefined) return
    bound[guarantee]++
    if (versionOf(read) >= versionOf(earlier)) return
    violated[guarantee]++
    violations.push({ guarantee, earlier, read })
  }

  for (const operation of history.toSorted((a, b) => a.completedAt - b.completedAt)) {
    if (operation.outcome !== 'ok') continue
    const key = `${operation.session} ${operation.register}`
    if (operation.kind === 'write') {
      learn(written, key, operation)
    } else {
      judge('read-your-writes', newestBefore(written.get(key), operation.invokedAt), operation)
      judge('monotonic-reads', newestBefore(seen.get(key), operation.invokedAt), operation)
      learn(seen, key, operation)
    }
  }

  const count = (holds: (operation: Operation) => boolean): number => history.filter(holds).length
  return {
    violations,
    counts: {
      operations: history.length,
      sessions: new Set(history.map(({ session }) => session)).size,
      reads: count(({ kind }) => kind === 'read'),
      writes: count(({ kind }) => kind === 'write'),
      failed: count(({ outcome }) => outcome === 'failed'),
      unknown: count(({ outcome }) => outcome === 'unknown'),
      bound,
      violated,
    },
  }
}

/** Operations come in the order of their completion, so only one with a newer version adds anything. */
function learn(all: Map<string, Knowledge>, key: string, operation: Operation): void {
  const known = all.get(key)
  if (known === undefined) all.set(key, [operation])
  else if (versionOf(operation) > versionOf(known.at(-1))) known.push(operation)
}

function newestBefore(known: Knowledge | undefined, time: number): Operation | undefined {
  return known?.findLast(({ completedAt }) => completedAt < time)
}

function versionOf(operation: Operation | undefined): number {
  if (operation?.version === undefined) throw new TypeError('An operation that is ok has a version.')
  return operation.version
}
