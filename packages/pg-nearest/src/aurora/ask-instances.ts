import type pg from 'pg'
import { codeOf } from '../driver-errors.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'
import { connectClient, destroySocket } from '../pg-client/connect-client.ts'
import type { InstanceRow } from './writer-and-readers.ts'

/**
 * One transaction, against whatever the role's defaults are: on a reader SERIALIZABLE would fail. A row has the time of its last update,
 * but that of the instance itself since 13.9.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora_replica_status.html
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora_db_instance_identifier.html
 */
const QUESTION = `set transaction isolation level read committed, read only; set local statement_timeout = 0;
  select server_id, session_id, pg_catalog.aurora_db_instance_identifier(),
    pg_catalog.date_part('epoch', pg_catalog.now() operator(pg_catalog.-) last_update_timestamp)
  from pg_catalog.aurora_replica_status()`

/** The writer's, instead of the UUID that readers have. */
const WRITER = 'MASTER_SESSION_ID'
const UNDEFINED_FUNCTION = '42883'

/**
 * Asks one instance which there are, on a connection of its own that is closed behind it: it holds no slot, and a name that has moved is
 * looked up anew. Nothing outlives the signal.
 *
 * @param client - a new one
 */
export async function askInstances(client: pg.Client, signal: AbortSignal): Promise<readonly InstanceRow[]> {
  await connectClient(client, Number.POSITIVE_INFINITY, signal)
  try {
    const asked = client.query<(string | null)[]>({ text: QUESTION, rowMode: 'array', types: TEXT })
    // A result for each statement, the answer last.
    const results = (await unlessAborted(asked, signal)) as unknown as pg.QueryArrayResult<(string | null)[]>[]
    await unlessAborted(client.end(), signal)
    return (results.at(-1)?.rows ?? []).map(readRow)
  } catch (error) {
    throw codeOf(error) === UNDEFINED_FUNCTION ? notAurora(error) : error
  } finally {
    destroySocket(client)
  }
}

function readRow([instance, session, self, age]: readonly (string | null)[]): InstanceRow {
  return {
    instance: instance ?? '',
    writer: session === WRITER,
    age: age === null || instance === self ? undefined : Number(age),
  }
}

function notAurora(cause: unknown): Error {
  return new Error(
    'it has no aurora_replica_status() or aurora_db_instance_identifier(), so it is no Aurora PostgreSQL: list its servers without aurora()',
    { cause },
  )
}

/** Whatever type parsers the app has set. */
const TEXT: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value }
