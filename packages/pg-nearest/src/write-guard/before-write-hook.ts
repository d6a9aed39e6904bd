import { PoolLocalStorage } from '../pool-local-storage.ts'

/** Something that is about to be sent where it could write. */
export interface WriteAttempt {
  /** `false`: it looks like a read, but runs where the server would let it write. */
  readonly writes: boolean
}

/** Told of each attempt before it is sent. What it throws, the statement fails with, unsent. */
export type WriteGuard = (attempt: WriteAttempt) => void

/** The guard that the caller runs under. */
export const currentWriteGuard: PoolLocalStorage<WriteGuard> = new PoolLocalStorage('pg-nearest.write-guard.1')

/** Runs `work`, and everything that it starts, under this guard, and after it those that the caller runs under. */
export function runGuarded<T>(pool: object, guard: WriteGuard, work: () => T): T {
  const enclosing = currentWriteGuard.get(pool)
  const both: WriteGuard = (attempt) => {
    guard(attempt)
    enclosing?.(attempt)
  }
  return currentWriteGuard.run(pool, both, work)
}
