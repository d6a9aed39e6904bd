import type { BookmarkStore } from '../bookmark-store/bookmark-store.ts'
import { parseKeepMs } from '../bookmark-store/keep-ms.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import { OptionError } from '../errors.ts'
import { UNKNOWN_BOOKMARK } from '../session/merge-bookmarks.ts'
import { bookmarkBeside, doubtOf, orderedBookmark, UNLIKE } from '../bookmark-store/ordered-bookmark.ts'

/** What is needed of a `pg.Pool`, or of a pool of `createPool`. */
export interface BookmarkDatabase {
  query(config: { readonly text: string; readonly values: unknown[]; readonly route: 'primary' }): Promise<{
    readonly rows: readonly unknown[]
  }>
}

/** Options of {@link bookmarkTable}. */
export interface BookmarkTableOptions {
  /** The name of the table, with or without a schema: lower-case letters, digits and `_`. Default `pg_nearest_bookmarks`. */
  readonly table?: string | undefined
  /**
   * Milliseconds for which a bookmark is kept: longer than replicas fall behind. For as long after a start of that database all sessions ask
   * the primary, because bookmarks may be missing. 1,000 to 86,400,000; default 60,000.
   */
  readonly keepMs?: number | undefined
}

const TABLE = 'pg_nearest_bookmarks'
const NAME = /^(?:[a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$/
/** Of so many puts one removes what has expired. */
const CLEANED_EACH = 500

/**
 * The statement that makes the table: for a migration.
 *
 * @throws OptionError for a name that cannot be used.
 */
export function bookmarkTableSql(table: string = TABLE): string {
  return `create table if not exists ${checkedName(table)} (
  key text primary key,
  value text collate "C" not null,
  expires timestamptz not null
)`
}

/**
 * Keeps bookmarks in a table of a PostgreSQL that is near: for `createPool({ bookmarkStore })`. It need not be the app's database. Costs a
 * statement there before a shared session, and one after it if it has written. Make the table with {@link bookmarkTableSql}.
 *
 * @example
 * ```ts
 * import pg from 'pg'
 * import { createPool } from 'pg-nearest'
 * import { bookmarkTable } from 'pg-nearest/bookmark-table'
 *
 * const near = new pg.Pool({ connectionString: 'postgres://near.example.com/sessions' })
 * near.on('error', () => undefined) // it connects again by itself
 * export const pool = createPool({ primary: 'postgres://localhost/app', bookmarkStore: bookmarkTable(near) })
 * ```
 *
 * @throws OptionError for what is no pool, and for options that cannot be used.
 */
export function bookmarkTable(database: BookmarkDatabase, options: BookmarkTableOptions = {}): BookmarkStore {
  if (typeof (database as BookmarkDatabase | undefined)?.query !== 'function') {
    throw new OptionError('database', `database must be a pool of pg, but it is ${describeValue(database)}.`)
  }
  checkNames(options, ['table', 'keepMs'])
  const table = checkedName(options.table ?? TABLE)
  const keepMs = parseKeepMs(options.keepMs)
  const run = async (text: string, values: unknown[]): Promise<readonly unknown[]> => {
    const { rows } = await database.query({ text, values, route: 'primary' })
    return rows
  }
  return {
    async get(key) {
      const [row] = (await run(get(table), [kept(key), unknown(key), keepMs])) as readonly [Answer]
      if (row.trusted === null) await run(mark(table), [])
      const doubt = row.doubt ?? (row.trusted === true ? undefined : UNKNOWN_BOOKMARK)
      return bookmarkBeside(doubt, row.value ?? undefined)
    },
    async put(key, bookmark) {
      const ordered = orderedBookmark(bookmark)
      if (ordered === undefined) await run(putDoubt(table, '$3'), [unknown(key), keepMs, doubtOf(bookmark)])
      else await run(put(table), [unknown(key), keepMs, kept(key), ordered.text, ordered.group])
      if (Math.random() < 1 / CLEANED_EACH)
        await run(`delete from ${table} where expires < now() and key <> '${SINCE}'`, [])
    },
  }
}

interface Answer {
  readonly value: string | null
  readonly doubt: string | null
  /** `null`: this server has not marked since when it keeps bookmarks. */
  readonly trusted: boolean | null
}

const SINCE = 'since'

function kept(key: string): string {
  return `at:${storable(key)}`
}

function unknown(key: string): string {
  return `unknown:${storable(key)}`
}

/** PostgreSQL's texts have no NUL. Two keys that become one see each other's writes, which harms nobody. */
function storable(key: string): string {
  return key.replaceAll('\0', '\uFFFD')
}

/** When this server was started, whatever the time zone of the connection. */
const STARTED = 'extract(epoch from pg_postmaster_start_time())::text'

/** A server that was started, or promoted, a short time ago may have lost bookmarks, or have been away when they were put. */
function get(table: string): string {
  return `select
  (select value from ${table} where key = $1 and expires > now()) as value,
  (select value from ${table} where key = $2 and expires > now()) as doubt,
  (select now() - expires >= $3 * interval '1 ms' from ${table}
    where key = '${SINCE}' and value = ${STARTED}) as trusted`
}

function mark(table: string): string {
  return `insert into ${table} values ('${SINCE}', ${STARTED}, now())
on conflict (key) do update set value = excluded.value, expires = excluded.expires where ${table.replace(/^.*\./, '')}.value <> excluded.value`
}

/** What was doubted before is over, or counts if it is the later of both. */
function putDoubt(table: string, value: string, from = ''): string {
  return `insert into ${table} as kept select $1, ${value}, now() + $2 * interval '1 ms' ${from}
on conflict (key) do update set expires = excluded.expires,
  value = case when kept.expires <= now() then excluded.value else greatest(kept.value, excluded.value) end`
}

/**
 * Of two of one timeline the later position is kept, and what is certain of either: the last 16 digits. What cannot be compared with it stays
 * for as long as it was kept anyway, and both are doubted meanwhile.
 */
function put(table: string): string {
  return `with put as (
  insert into ${table} as kept values ($3, $4, now() + $2 * interval '1 ms')
  on conflict (key) do update set (value, expires) = (select
    case when is_over then excluded.value when not is_alike then kept.value
      when left(later, -33) = left(earlier, -33) and right(later, 16) < right(earlier, 16)
        then left(later, -16) || right(earlier, 16)
      else later end,
    case when is_over or is_alike then excluded.expires else least(kept.expires, excluded.expires) end
    from (select kept.expires <= now() as is_over, starts_with(kept.value, $5) as is_alike,
      greatest(kept.value, excluded.value) as later, least(kept.value, excluded.value) as earlier) as its)
  returning value)
${putDoubt(table, `'${UNLIKE}'`, 'from put where not starts_with(put.value, $5)')}`
}

function checkedName(table: unknown): string {
  if (typeof table === 'string' && NAME.test(table)) return table
  throw new OptionError(
    'table',
    `table must be a name of lower-case letters, digits and _, but it is ${describeValue(table)}.`,
  )
}
