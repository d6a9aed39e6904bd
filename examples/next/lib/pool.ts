import { createPool, type NearestPool } from 'pg-nearest'
import { fly } from 'pg-nearest/fly'

const kept = globalThis as typeof globalThis & { notesPool?: NearestPool }

/**
 * The pool of this process. It begins with the first request: `next build` loads the routes, too, where no database is known. In
 * development it outlives the modules, which Next.js loads again after each change.
 */
export const pool = (): NearestPool => (kept.notesPool ??= createPool(fly()))
