import type pg from 'pg'
import { internalsOf } from '../wire/pg-internals.ts'

/**
 * Whether a pooler stands between this connection and its server: the process that answers is another one than the client was told of
 * when it connected. Each transaction may then run on another machine.
 */
export function isPooled(client: pg.Client, backend: number | undefined): boolean {
  return backend !== undefined && backend !== internalsOf(client).processID
}
