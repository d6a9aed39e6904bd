import pg from 'pg'
import { parseLsn } from '../topology/position.ts'
import type { Observation } from '../topology/observe.ts'
import { serverClient, type ServerClientOptions } from './server-client.ts'
import { SilentError, withinTime } from './time-limit.ts'

/**
 * One trip for all there is to know. The control file and the walreceiver are read through functions that every user may
 * call; `received_tli` is NULL without pg_monitor, and the control file's timelines are late but safe.
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

export interface ProbeOptions extends ServerClientOptions {
  /** For one answer; connecting has its own time. */
  readonly timeoutMs: number
  /** Tries on each connection whether several statements may be sent at once. */
  readonly pipeline: boolean
  readonly pgOptions: pg.PoolConfig
}

const POSITION = 'select pg_last_wal_replay_lsn()::text as lsn'

/** A connection of the monitor's own: it never waits for the app's pool and has its own short time-out. */
export interface Probe {
  /** Connects if need be. Rejects when the server does not answer in time; the next call then starts afresh. */
  ask(): Promise<Observation>
  /** Only where a standby's replay is now. */
  position(): Promise<bigint | undefined>
  close(): void
}

export function createProbe(options: ProbeOptions): Probe {
  const ProbeClient = serverClient(options)
  let open: pg.Client | undefined
  let pipelines = true

  const close = (): void => {
    const client = open
    open = undefined
    if (client !== undefined) void client.end().catch(ignore)
  }

  /** Nobody at the other end would take note of an end. */
  const cut = (): void => {
    const client = open
    open = undefined
    client?.connection.stream.destroy()
  }

  /** Runs `work` on the open connection; one that fails is not used again. */
  const on = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
    try {
      const client = open ?? (await connected())
      return await withinTime(work(client), options.timeoutMs)
    } catch (error) {
      if (error instanceof SilentError) cut()
      else close()
      throw error
    }
  }

  const connected = async (): Promise<pg.Client> => {
    const client = await connect()
    // The first question on a connection fills the server's caches: its time says nothing of the distance.
    if (!options.pipeline) await client.query(QUESTION)
    else if (!(pipelines = await answersAtOnce(client, options.timeoutMs))) return reconnected()
    return client
  }

  const reconnected = async (): Promise<pg.Client> => {
    close()
    const client = await connect()
    await client.query(QUESTION)
    return client
  }

  const connect = async (): Promise<pg.Client> => {
    const client = new ProbeClient({
      ...options.pgOptions,
      application_name: options.pgOptions.application_name ?? 'pg-nearest monitor',
      connectionTimeoutMillis: options.connectTimeoutMs,
    })
    client.on('error', () => {
      if (open === client) close()
    })
    open = client
    await client.connect()
    // A pool that nobody uses any more must not keep the process alive.
    ;(client as pg.Client & { unref(): void }).unref()
    return client
  }

  return {
    ask: () =>
      on(async (client) => {
        const askedAt = Date.now()
        const start = performance.now()
        const { rows } = await client.query<Answer>(QUESTION)
        const rttMs = performance.now() - start
        const [answer] = rows
        if (answer === undefined) throw new Error('the probe was answered with no row')
        return { ...observation(answer, askedAt, start, rttMs), pipelines }
      }),
    position: () =>
      on(async (client) => {
        const { rows } = await client.query<{ lsn: string | null }>(POSITION)
        return parseLsn(rows[0]?.lsn)
      }),
    close,
  }
}

/** What pg says in its code and not in its types. */
interface PipelinedClient {
  pipeline: boolean
  readonly connection: { readonly stream: { cork?(): void; uncork?(): void } }
}

/** Asks twice in one packet: whether both are answered. Rejects if the first one is not. */
async function answersAtOnce(client: pg.Client, timeoutMs: number): Promise<boolean> {
  const pipelined = client as unknown as PipelinedClient
  const { stream } = pipelined.connection
  pipelined.pipeline = true
  stream.cork?.()
  const first = client.query(QUESTION)
  const second = client.query(QUESTION)
  second.catch(ignore)
  stream.uncork?.()
  await withinTime(first, timeoutMs)
  const both = await withinTime(second, timeoutMs).then(
    () => true,
    () => false,
  )
  pipelined.pipeline = false
  return both
}

type Facts = Omit<Observation, 'pipelines'>

function observation(answer: Answer, askedAt: number, start: number, rttMs: number): Facts {
  return {
    role: answer.standby ? 'replica' : 'primary',
    lsn: parseLsn(answer.lsn),
    timeline: answer.timeline ?? undefined,
    systemIdentifier: answer.system_identifier ?? undefined,
    version: answer.version,
    readOnly: answer.read_only,
    rttMs,
    sentAt: start,
    askedAt,
    answeredAt: Date.now(),
  }
}

function ignore(): void {}
