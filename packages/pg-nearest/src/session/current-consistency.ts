import { PoolLocalStorage } from '../pool-local-storage.ts'
import type { Consistency } from './consistency.ts'

/** What the reads of the caller must show, if they do not say so themselves. */
export const currentConsistency: PoolLocalStorage<Consistency> = new PoolLocalStorage('pg-nearest.consistency.1')
