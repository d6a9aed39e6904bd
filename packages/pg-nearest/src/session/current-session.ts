import { AsyncLocalStorage } from 'node:async_hooks'
import type { SessionState } from './session-state.ts'

/** The session of one pool, and those that were begun around it for other pools. */
interface Frame {
  readonly pool: object
  readonly state: SessionState
  readonly outer: Frame | undefined
}

// Two copies of this library in one process must find each other's sessions.
const KEY = Symbol.for('pg-nearest.session')
const registry = globalThis as { [KEY]?: AsyncLocalStorage<Frame> }
const storage: AsyncLocalStorage<Frame> = (registry[KEY] ??= new AsyncLocalStorage<Frame>())

/** The session that the caller runs in, for this pool. */
export function currentSession(pool: object): SessionState | undefined {
  let frame = storage.getStore()
  while (frame !== undefined && frame.pool !== pool) frame = frame.outer
  return frame?.state
}

/** Runs `work` in this session, with everything that it starts. */
export function runInSession<T>(pool: object, state: SessionState, work: () => T): T {
  return storage.run({ pool, state, outer: storage.getStore() }, work)
}
