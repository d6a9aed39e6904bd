import { PoolLocalStorage } from '../pool-local-storage.ts'
import type { ServedBy } from './served-by.ts'

/** Who has answered what the caller runs, in that order. */
export type Witness = ServedBy[]

/** For a caller who wants to know. */
export const currentWitness: PoolLocalStorage<Witness> = new PoolLocalStorage('pg-nearest.witness.1')
