import { isErrorResponse } from '../driver-errors.ts'
import type { Observation } from '../topology/topology-updates.ts'
import { parseLsn } from '../topology/lsn.ts'
import { SilentError } from './stall-aware-timeout.ts'
import { createProbeConnection, type Asked, type ProbeConnectionOptions } from './probe-connection.ts'

/**
 * Everything in one round trip. By default every role may call these functions; `received_tli` is NULL without pg_monitor, and the
 * control file's timelines are late but safe.
 */
const QUESTION = `
select r as standby,
       current_setting('server_version') as version,
       current_setting('default_transaction_read_only') = 'on' as read_only,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       case when r then pg_last_wal_replay_lsn()::text else pg_current_wal_insert_lsn()::text end as lsn,
       case when r then greatest((select received_tli from pg_stat_wal_receiver),
                                 (select min_recovery_end_timeline from pg_control_recovery()),
                                 (select timeline_id from pg_control_checkpoint()))
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as timeline
  from pg_is_in_recovery() as r`

interface Answer {
  readonly standby: boolean
  readonly version: string
  readonly read_only: boolean
  readonly system_identifier: string | null
  readonly lsn: string | null
  readonly timeline: number | null
}

const POSITION = 'select pg_last_wal_replay_lsn()::text as lsn'

export type ProbeOptions = Omit<ProbeConnectionOptions, 'warmUp'>

/** Queries one server on its own connection, so that it never waits for the app's connections. */
export interface Probe {
  /** Connects if necessary. Rejects if the server does not answer in time; the next question then makes a new connection. */
  ask(): Promise<Observation>
  /** A standby's replay position. */
  position(): Promise<bigint | undefined>
  /** Ends the connection; a pending question rejects. The next question makes a new connection. */
  disconnect(): void
  /** The same, for good: later questions reject. */
  close(): void
}

export function createProbe(options: ProbeOptions): Probe {
  // The first query on a connection fills the server's caches, so its time says little about the distance.
  const connection = createProbeConnection({ ...options, warmUp: QUESTION })

  /** An open connection that died says little about the server, so the question is repeated on a new one. */
  const ask = async <T>(question: (on: Asked) => Promise<T>): Promise<T> => {
    const wasOpen = connection.state === 'open'
    try {
      return await connection.ask(question)
    } catch (error) {
      if (!wasOpen || isErrorResponse(error) || error instanceof SilentError) throw error
      options.onLoss()
      return connection.ask(question)
    }
  }

  return {
    ask: () =>
      ask(async ({ client, pipelines }) => {
        const askedAt = Date.now()
        const sentAt = performance.now()
        const { rows } = await client.query<Answer>(QUESTION)
        const rttMs = performance.now() - sentAt
        const [answer] = rows
        if (answer === undefined) throw new Error('the probe was answered with no row')
        return observation(answer, { pipelines, askedAt, sentAt, rttMs })
      }),
    position: () =>
      ask(async ({ client }) => {
        const { rows } = await client.query<{ lsn: string | null }>(POSITION)
        return parseLsn(rows[0]?.lsn)
      }),
    disconnect: connection.disconnect,
    close: connection.close,
  }
}

type Asking = Pick<Observation, 'pipelines' | 'askedAt' | 'sentAt' | 'rttMs'>

function observation(answer: Answer, asking: Asking): Observation {
  return {
    role: answer.standby ? 'replica' : 'primary',
    lsn: parseLsn(answer.lsn),
    timeline: answer.timeline ?? undefined,
    systemIdentifier: answer.system_identifier ?? undefined,
    version: answer.version,
    readOnly: answer.read_only,
    ...asking,
    answeredAt: Date.now(),
  }
}
