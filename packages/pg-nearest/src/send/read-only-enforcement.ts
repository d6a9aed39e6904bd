import type pg from 'pg'
import type { Lease } from '../pooled-connection/lease.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { Exchange, StatementEnd } from '../wire/exchange.ts'
import { GroupExchange } from '../exchange/group-exchange.ts'
import { PrecededExchange } from '../exchange/preceded-exchange.ts'
import { StatementExchange } from '../exchange/statement-exchange.ts'

/**
 * How a statement is kept from writing.
 *
 * - `none`: not at all.
 * - `read`: as `statement`. It looks like a read, so that it cannot end the transaction that it runs in.
 * - `statement`: by a READ ONLY transaction around it, on a standby, too.
 * - `begin`: it is a BEGIN, whose transaction is made READ ONLY.
 * - `inside`: it is part of such a transaction, which it must not be able to change, or to end with another statement behind it.
 * - `within`: it is part of one that others write in, too, and stays as it is.
 */
export type Enforcement = 'none' | 'read' | 'statement' | 'begin' | 'inside' | 'within'

/** Of what is given in an open transaction. */
export function enforcementWithin({ goesOn }: Pick<Lease, 'goesOn'>): 'inside' | 'within' {
  return goesOn ? 'within' : 'inside'
}

/** Whether it can be sent as it is. */
export function isPlainOn(lease: Lease, enforcement: Enforcement, { text }: pg.QueryConfig): boolean {
  if (enforcement === 'none') return true
  const mayBePlain = enforcement === 'read' || enforcement === 'inside'
  return (mayBePlain && needsNoGuardOn(lease, text, enforcement === 'inside')) || isDiscardAll(text)
}

/** It writes nothing, and the server takes it outside of transactions only. */
function isDiscardAll(text: unknown): boolean {
  if (typeof text !== 'string') return false
  const facts = factsOf(text)
  return facts.need.session === 'discard' && facts.is('single')
}

/**
 * A standby may have been promoted since its last answer, so that being one keeps from writing only what would not write on a primary.
 *
 * @param isInside - of a READ ONLY transaction.
 */
export function needsNoGuardOn(
  { provenStandby }: Pick<Lease, 'provenStandby'>,
  text: unknown,
  isInside: boolean,
): boolean {
  return provenStandby && typeof text === 'string' && (writesNothing(text) || (isInside && staysReadOnly(text)))
}

/** What sets something, or begins or ends a transaction, takes no snapshot. Of what takes one, its text does not show what a view calls. */
function writesNothing(text: string): boolean {
  const facts = factsOf(text)
  const { transaction } = facts.need
  if (transaction?.kind === 'other' || transaction?.kind === 'chain') return false
  return facts.is('single') && !facts.is('takesSnapshot')
}

/** It leaves a transaction as READ ONLY as it is. */
function staysReadOnly(text: string): boolean {
  const facts = factsOf(text)
  return facts.need.class === 'read' && !facts.is('mayLeaveState')
}

/** Makes the transaction that has just begun READ ONLY. */
export const RESTRICTION = 'SET TRANSACTION READ ONLY'
/** The same for what shares a Sync with a read, outside of any transaction. */
export const RESTRICTION_OF_SYNC = `SELECT pg_catalog.set_config('transaction_read_only', 'on', true)`
/**
 * A transaction that has taken a snapshot cannot be made READ WRITE any more.
 *
 * @see https://www.postgresql.org/docs/current/sql-set-transaction.html
 */
export const SNAPSHOT = 'SELECT 1'
/** What precedes a statement in such a transaction: until PostgreSQL 15, RESET could have made it READ WRITE all the same. */
const RELOCK: readonly string[] = ['SET TRANSACTION READ ONLY', SNAPSHOT]

/** What is sent ahead of a statement, and behind it, whatever becomes of it. */
export interface Guard<Behind = string> {
  readonly ahead: readonly string[]
  readonly behind: Behind
}

/** Around a statement that shares no transaction. */
const AROUND: Guard = { ahead: ['BEGIN READ ONLY', SNAPSHOT], behind: 'COMMIT' }
/** A subtransaction of one that is READ WRITE can be READ ONLY, and then cannot be made READ WRITE. With it that ends. */
const WITHIN: Guard = {
  ahead: ['SAVEPOINT pg_nearest_reads', 'SET TRANSACTION READ ONLY'],
  behind: 'RELEASE pg_nearest_reads',
}

/** For what is sent by itself: a cursor, a stream or a COPY. */
export function guardOn({ status, goesOn }: Pick<Lease, 'status' | 'goesOn'>): Guard<string | undefined> {
  if (status === 'I') return AROUND
  return goesOn ? WITHIN : { ahead: RELOCK, behind: undefined }
}

type OnEnd = (end: StatementEnd) => void

/**
 * The exchanges that run a statement so that the server refuses a write, in one round trip and without leaving anything on the
 * connection. A text that may contain a COMMIT is sent by the extended protocol, which takes a single statement: so no write can
 * follow the COMMIT.
 */
export function statementExchanges(
  lease: Lease,
  config: pg.QueryConfig,
  enforcement: Enforcement,
  onEnd: OnEnd,
): Exchange[] {
  switch (isPlainOn(lease, enforcement, config) ? 'none' : enforcement) {
    case 'none':
      return [new StatementExchange(config, lease.client, onEnd)]
    case 'read':
      if (isOneRead(config)) return [group(lease.client, [RESTRICTION_OF_SYNC], config, onEnd)]
      return around(lease, config, AROUND, onEnd)
    case 'statement':
      return around(lease, config, AROUND, onEnd)
    case 'begin':
      return beginning(lease, config, onEnd)
    case 'inside':
      return inside(lease, config, onEnd)
    case 'within':
      return within(lease, config, onEnd)
  }
}

/** It cannot end the transaction that it shares with what is ahead of it. */
function isOneRead({ text }: pg.QueryConfig): boolean {
  return typeof text === 'string' && factsOf(text).is('single') && staysReadOnly(text)
}

/** The statement in its guard. `onEnd` is called when all of that has ended. */
function around({ client }: Lease, config: pg.QueryConfig, { ahead, behind }: Guard, onEnd: OnEnd): Exchange[] {
  let ended: StatementEnd | undefined
  const last = plain(client, behind, (end) => onEnd(lossOf(end) ?? (ended as StatementEnd)))
  const tell = (end: StatementEnd): void => {
    ended ??= end
  }
  // Either way it is not run without what is ahead of it.
  const isGrouped = mustBeAlone(config) || isParametrized(config)
  const guarded = isGrouped ? group(client, ahead, config, tell) : new PrecededExchange(ahead, config, client, tell)
  return [guarded, last]
}

/** The server takes no text of several statements with these. */
function isParametrized({ name, values }: pg.QueryConfig): boolean {
  return name !== undefined || (Array.isArray(values) ? values.length > 0 : Boolean(values))
}

/** If the connection dies with what is behind it in flight, the statement counts as lost. It could not write, so it can be repeated. */
function lossOf(end: StatementEnd): StatementEnd | undefined {
  return end.kind === 'lost' || end.kind === 'unsent' ? end : undefined
}

function beginning({ client }: Lease, config: pg.QueryConfig, onEnd: OnEnd): Exchange[] {
  let begun: StatementEnd | undefined
  const restrict = plain(client, RESTRICTION, (end) => {
    onEnd(begun?.kind === 'result' && end.kind !== 'result' ? end : (begun as StatementEnd))
  })
  return [alone(client, config, (end) => (begun = end)), restrict]
}

function inside(lease: Lease, config: pg.QueryConfig, onEnd: OnEnd): Exchange[] {
  const { client, status } = lease
  if (status === 'E' && mayChain(config)) return beginning(lease, config, onEnd)
  const needsNone = status === 'E' || (typeof config.text === 'string' && needsNoSnapshot(config.text))
  if (needsNone) return [unguarded(client, config, onEnd)]
  if (mustBeAlone(config)) return [group(client, RELOCK, config, onEnd)]
  return [...RELOCK.map((text) => plain(client, text, () => undefined)), unguarded(client, config, onEnd)]
}

function unguarded(client: pg.Client, config: pg.QueryConfig, onEnd: OnEnd): Exchange {
  return mustBeAlone(config) ? alone(client, config, onEnd) : new StatementExchange(config, client, onEnd)
}

/** What controls the transaction is not in a subtransaction of it, and writes nothing. */
function within(lease: Lease, config: pg.QueryConfig, onEnd: OnEnd): Exchange[] {
  const { client, status } = lease
  if (status === 'E' || isControl(config)) return [unguarded(client, config, onEnd)]
  return around(lease, config, WITHIN, onEnd)
}

function isControl({ text }: pg.QueryConfig): boolean {
  return typeof text === 'string' && factsOf(text).is('single') && factsOf(text).need.class === 'transaction'
}

/** A transaction that has failed has lost its READ ONLY, so that one chained to it would be READ WRITE. */
function mayChain({ text }: pg.QueryConfig): boolean {
  // By its name alone it may be any statement.
  return typeof text !== 'string' || factsOf(text).need.transaction?.kind === 'chain'
}

/** It ends the transaction or a savepoint, or must precede any query. None of these can make the transaction READ WRITE. */
function needsNoSnapshot(text: string): boolean {
  const facts = factsOf(text)
  const kind = facts.need.transaction?.kind
  return kind === 'commit' || kind === 'rollback' || facts.is('isSavepointControl') || facts.is('setsIsolation')
}

/** A text of several statements must not be able to end or change the transaction. */
function mustBeAlone(config: pg.QueryConfig): boolean {
  if (typeof config.text !== 'string') return true
  const facts = factsOf(config.text)
  return facts.is('single') || facts.is('mayControlTransaction')
}

function plain(client: pg.Client, text: string, onEnd: (end: StatementEnd) => unknown): Exchange {
  return new StatementExchange({ text }, client, (end) => void onEnd(end))
}

/** By the extended protocol, in which the server refuses a text with several statements. */
function alone(client: pg.Client, config: pg.QueryConfig, onEnd: (end: StatementEnd) => unknown): Exchange {
  return new GroupExchange([config], client, ([end]) => void onEnd(end as StatementEnd))
}

/** If one of the texts ahead fails, the statement is skipped and ends with that failure. */
function group(client: pg.Client, ahead: readonly string[], config: pg.QueryConfig, onEnd: OnEnd): Exchange {
  const configs = [...ahead.map((text) => ({ text })), config]
  return new GroupExchange(configs, client, (ends) => {
    onEnd(ends.find((end) => end.kind !== 'result') ?? (ends.at(-1) as StatementEnd))
  })
}
