import type { Observation } from '../observations/topology-updates.ts'
import { parseLsn } from '../topology/lsn.ts'
import type { Refusal } from '../topology/refused-function.ts'
import { REPLAY_LSN } from '../wire/replay-lsn-sql.ts'

/** What a probe asks beside the role. */
export type ProbeItem =
  | 'clock'
  | 'machine'
  | 'backend'
  | 'systemIdentifier'
  | 'replayLsn'
  | 'insertLsn'
  | 'walFile'
  | 'flushLsn'
  | 'receivedLsn'
  | 'receiver'
  | 'recoveryTimeline'
  | 'checkpointTimeline'

interface ItemQuestion {
  /** The functions that it calls, the one that is not in any other question first. */
  readonly calls: readonly [string, ...string[]]
  readonly sql: string
}

/**
 * On servers that people rent an ordinary role may be refused any of these: PostgreSQL checks that when the query is planned, so that a
 * CASE around a call does not help.
 */
const ITEMS: Readonly<Record<ProbeItem, ItemQuestion>> = {
  clock: {
    calls: ['clock_timestamp()', 'date_part(text, timestamptz)'],
    sql: `pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())`,
  },
  /** The address is NULL over a socket, and a pooler's own behind one. As an epoch, the time does not depend on the role's time zone. */
  machine: {
    calls: ['pg_postmaster_start_time()', 'date_part(text, timestamptz)', 'inet_server_addr()', 'inet_server_port()'],
    sql: `pg_catalog.concat_ws(' ', pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()),
       pg_catalog.inet_server_addr(), pg_catalog.inet_server_port())`,
  },
  /** Behind a pooler it is not the process that the client was told of. */
  backend: {
    calls: ['pg_backend_pid()'],
    sql: 'pg_catalog.pg_backend_pid()',
  },
  systemIdentifier: {
    calls: ['pg_control_system()'],
    sql: '(select system_identifier from pg_catalog.pg_control_system())',
  },
  replayLsn: {
    calls: ['pg_last_wal_replay_lsn()'],
    sql: 'case when r then pg_catalog.pg_last_wal_replay_lsn() end',
  },
  insertLsn: {
    calls: ['pg_current_wal_insert_lsn()'],
    sql: 'case when r then null else pg_catalog.pg_current_wal_insert_lsn() end',
  },
  /** Its first eight digits are the primary's timeline. */
  walFile: {
    calls: ['pg_walfile_name(pg_lsn)', 'pg_current_wal_insert_lsn()'],
    sql: 'case when r then null else pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) end',
  },
  /** Up to here it sends its WAL to its standbys. */
  flushLsn: {
    calls: ['pg_current_wal_flush_lsn()'],
    sql: 'case when r then null else pg_catalog.pg_current_wal_flush_lsn() end',
  },
  /** A standby has received nothing since its start where it was fed from an archive, or had everything. */
  receivedLsn: {
    calls: ['pg_last_wal_receive_lsn()'],
    sql: `case when r then coalesce(pg_catalog.pg_last_wal_receive_lsn(), '0/0') end`,
  },
  /** Without pg_monitor a row shows only that a walreceiver runs. */
  receiver: {
    calls: ['pg_stat_get_wal_receiver()'],
    sql: `case when r then coalesce(
       (select coalesce(received_tli::pg_catalog.text, '') from pg_catalog.pg_stat_wal_receiver), 'none') end`,
  },
  // The control file's timelines are late, which is safe.
  recoveryTimeline: {
    calls: ['pg_control_recovery()'],
    sql: 'case when r then (select min_recovery_end_timeline from pg_catalog.pg_control_recovery()) end',
  },
  checkpointTimeline: {
    calls: ['pg_control_checkpoint()'],
    sql: 'case when r then (select timeline_id from pg_catalog.pg_control_checkpoint()) end',
  },
}

export const PROBE_ITEMS = Object.keys(ITEMS) as readonly ProbeItem[]

/** Which items are refused, with the SQLSTATE of each. */
export type RefusedItems = ReadonlyMap<ProbeItem, string>

/**
 * The role's own defaults must not break it: on a standby SERIALIZABLE fails, and so does a short statement_timeout on a busy server.
 * SET LOCAL ends with the text, which is one transaction, so that nothing is left behind a pooler.
 */
const PLAIN = 'set transaction isolation level read committed, read only; set local statement_timeout = 0; '

/** A standby's position, and its machine. */
export const REPLAY_POSITION: string = `select ${REPLAY_LSN}, ${ITEMS.machine.sql}`

/** Asks for the role, and for every item that is not refused, in one round trip. */
export function probeQuestion(refused: RefusedItems): string {
  return `${PLAIN}${selectAllBut(refused)}`
}

/** The same, which leaves the question on its connection under a name that says what is refused. */
export function preparingQuestion(refused: RefusedItems): string {
  const name = nameOf(refused)
  return `${PLAIN}prepare ${name} as ${selectAllBut(refused)}; execute ${name}`
}

/** Asks what {@link preparingQuestion} has left there, which takes the server a third of the time. */
export function preparedQuestion(refused: RefusedItems): string {
  return `${PLAIN}execute ${nameOf(refused)}`
}

function nameOf(refused: RefusedItems): string {
  return `pg_nearest_probe_${PROBE_ITEMS.map((item) => (refused.has(item) ? '0' : '1')).join('')}`
}

/** Asks for one item. */
export function itemQuestion(item: ProbeItem): string {
  return `${PLAIN}${select([ITEMS[item].sql])}`
}

function selectAllBut(refused: RefusedItems): string {
  return select(PROBE_ITEMS.map((item) => (refused.has(item) ? 'null' : ITEMS[item].sql)))
}

function select(columns: readonly string[]): string {
  const traits = `pg_catalog.current_setting('server_version'), pg_catalog.current_setting('default_transaction_read_only')`
  return `select r, ${traits}, ${columns.join(', ')} from pg_catalog.pg_is_in_recovery() as r`
}

/** What a connection of the app is asked once, or a pooler's each time: who answers, and what position that has. */
const INTRODUCTION: readonly ProbeItem[] = PROBE_ITEMS.filter(
  (item) => !['clock', 'flushLsn', 'receivedLsn'].includes(item),
)

/**
 * Like the probe's question, but as one statement that leaves alone what the app has set.
 *
 * @param refused - what the probe was refused there.
 */
export function introductionQuestion(refused: readonly Refusal[]): string {
  const isRefused = (item: ProbeItem): boolean => refused.some(({ call }) => call === ITEMS[item].calls[0])
  const columns = INTRODUCTION.map((item) => (isRefused(item) ? 'null' : ITEMS[item].sql))
  const isolation = `pg_catalog.current_setting('transaction_isolation')`
  return `select r, ${isolation}, ${columns.join(', ')} from pg_catalog.pg_is_in_recovery() as r`
}

/** The functions that cannot be called. */
export function refusalsOf(refused: RefusedItems): readonly Refusal[] {
  return [...refused].map(([item, code]) => ({ call: ITEMS[item].calls[0], code }))
}

/** What one row tells, all of it text. */
export type ProbeRow = readonly (string | null)[]

/** What a server has said of itself. */
export type Answer = Pick<
  Observation,
  | 'role'
  | 'machine'
  | 'version'
  | 'readOnly'
  | 'clockMs'
  | 'lsn'
  | 'walEnd'
  | 'receiving'
  | 'timeline'
  | 'timelineIsLate'
  | 'systemIdentifier'
> & {
  /** The process that answered. */
  readonly backend: number | undefined
}

/** @throws Error if the row does not tell the role. */
export function readAnswer(row: ProbeRow | undefined): Answer {
  if (row === undefined) throw new Error('the probe was answered with no row')
  const [standby, version, readOnly, ...values] = row
  if (standby !== 't' && standby !== 'f') throw new Error('the probe was answered without a role')
  const value = (item: ProbeItem): string | null => values[PROBE_ITEMS.indexOf(item)] ?? null
  const clock = value('clock')
  const isStandby = standby === 't'
  const receiver = value('receiver')
  const items = readItems(isStandby, value)
  return {
    ...items,
    role: isStandby ? 'replica' : 'primary',
    version: version ?? undefined,
    readOnly: readOnly === 'on',
    clockMs: clock === null ? undefined : Number(clock) * 1_000,
    walEnd: isStandby ? later(parseLsn(value('receivedLsn')), items.lsn) : parseLsn(value('flushLsn')),
    receiving: receiver === null ? undefined : receiver !== 'none',
  }
}

/** What a connection's server has said of itself. */
export interface Introduction extends Items {
  readonly standby: boolean
  /** Several statements of one transaction see different snapshots, so that a position that one tells says something of the next. */
  readonly readCommitted: boolean
}

export function readIntroduction([standby, isolation, ...values]: ProbeRow): Introduction {
  const isStandby = standby === 't'
  const value = (item: ProbeItem): string | null => values[INTRODUCTION.indexOf(item)] ?? null
  return { ...readItems(isStandby, value), standby: isStandby, readCommitted: isolation === 'read committed' }
}

type Items = Pick<Answer, 'machine' | 'backend' | 'lsn' | 'timeline' | 'timelineIsLate' | 'systemIdentifier'>

function readItems(standby: boolean, value: (item: ProbeItem) => string | null): Items {
  const backend = value('backend')
  const receiver = value('receiver')
  const receivedTimeline = Number(receiver === 'none' ? '' : receiver)
  return {
    machine: value('machine') ?? undefined,
    backend: backend === null ? undefined : Number(backend),
    lsn: parseLsn(value(standby ? 'replayLsn' : 'insertLsn')),
    timeline: standby
      ? latest([receivedTimeline, Number(value('recoveryTimeline')), Number(value('checkpointTimeline'))])
      : timelineOfFile(value('walFile')),
    timelineIsLate: standby && receivedTimeline === 0,
    systemIdentifier: value('systemIdentifier') ?? undefined,
  }
}

/** `undefined` if the first is not known. */
function later(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  return a === undefined || b === undefined || a > b ? a : b
}

/** @param timelines - 0 for those that are not known. */
function latest(timelines: readonly number[]): number | undefined {
  return Math.max(...timelines) || undefined
}

function timelineOfFile(name: string | null): number | undefined {
  return name === null ? undefined : Number.parseInt(name.slice(0, 8), 16)
}
