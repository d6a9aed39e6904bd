import { AsyncLocalStorage } from 'node:async_hooks'
import type { SessionState } from './session-state.ts'

/** The session of one pool, and the enclosing sessions of other pools. */
interface Frame {
  readonly pool: object
  readonly state: SessionState
  readonly outer: Frame | undefined
}

// Shared by all copies of this library in the process, so that they find each other's sessions.
const KEY = Symbol.for('pg-nearest.session')
const registry = globalThis as { [KEY]?: AsyncLocalStorage<Frame> }
const storage: AsyncLocalStorage<Frame> = (registry[KEY] ??= new AsyncLocalStorage<Frame>())

/** The session of this pool that the caller runs in. */
export function currentSession(pool: object): SessionState | undefined {
  let frame = storage.getStore()
  while (frame !== undefined && frame.pool !== pool) frame = frame.outer
  return frame?.state
}

/** Runs `work`, and everything that it starts, in this session. */
export function runInSession<T>(pool: object, state: SessionState, work: () => T): T {
  return storage.run({ pool, state, outer: storage.getStore() }, work)
}
