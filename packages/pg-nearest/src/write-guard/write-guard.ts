import { AsyncLocalStorage } from 'node:async_hooks'

/** Something that is about to be sent where it could write. */
export interface WriteAttempt {
  /** `false`: it looks like a read, but runs where the server would let it write. */
  readonly writes: boolean
}

/** Told of each attempt before it is sent. What it throws, the statement fails with, unsent. */
export type WriteGuard = (attempt: WriteAttempt) => void

/** The guard of one pool, and the enclosing guards of other pools. */
interface Frame {
  readonly pool: object
  readonly guard: WriteGuard
  readonly outer: Frame | undefined
}

// Shared by all copies of this library in the process; made when it is first needed, so that nobody else pays for it.
const KEY = Symbol.for('pg-nearest.write-guard')
const registry = globalThis as { [KEY]?: AsyncLocalStorage<Frame> }

/** The guard of this pool that the caller runs in. */
export function currentWriteGuard(pool: object): WriteGuard | undefined {
  let frame = registry[KEY]?.getStore()
  while (frame !== undefined && frame.pool !== pool) frame = frame.outer
  return frame?.guard
}

/** Runs `work`, and everything that it starts, under this guard, and after it those that the caller runs under. */
export function runGuarded<T>(pool: object, guard: WriteGuard, work: () => T): T {
  const storage = (registry[KEY] ??= new AsyncLocalStorage<Frame>())
  const enclosing = currentWriteGuard(pool)
  const both: WriteGuard = (attempt) => {
    guard(attempt)
    enclosing?.(attempt)
  }
  return storage.run({ pool, guard: both, outer: storage.getStore() }, work)
}
