import type pg from 'pg'
import type { NearestEvents } from './event-types.ts'

export type PgEvent = 'error' | 'release' | 'connect' | 'acquire' | 'remove'

/** As pg declares its listeners. */
export type PgListener<K extends PgEvent> = K extends 'error' | 'release'
  ? (error: Error, client: pg.PoolClient) => void
  : (client: pg.PoolClient) => void

/** An event of this pool, or of `pg.Pool`. */
export type ListenedEvent = keyof NearestEvents | PgEvent

export type PoolListener<K extends ListenedEvent> = K extends keyof NearestEvents
  ? (...args: NearestEvents[K]) => void
  : K extends PgEvent
    ? PgListener<K>
    : never
