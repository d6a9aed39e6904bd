import { PoolLocalStorage } from '../pool-local-storage.ts'
import type { SessionState } from './session-state.ts'

/** The session that the caller runs in. */
export const currentSession: PoolLocalStorage<SessionState> = new PoolLocalStorage('pg-nearest.session.1')
