/**
 * A pool that knows where it is: `createPool`, and the types of all that it takes and gives.
 *
 * @module pg-nearest
 */
export {
  isNearestError,
  isNoServerError,
  isNotReplicatedError,
  isOptionError,
  isOutcomeUnknownError,
  isPasswordError,
  isReadOnlyModeError,
  isRequestReplayedError,
  isStreamError,
  isUnavailableError,
  NearestError,
  nearestErrorOf,
  NoServerError,
  NotReplicatedError,
  OptionError,
  OutcomeUnknownError,
  PasswordError,
  ReadOnlyModeError,
  RequestReplayedError,
  StreamError,
  type Candidate,
  type FailedAttempt,
  type MissingServer,
  type NearestErrorCode,
} from './errors.ts'
export type { PoolMessage, QueryTrace } from './events/diagnostics-channels.ts'
export type {
  ModeEvent,
  NearestEvents,
  ObservedEvent,
  ObservedProof,
  PositionLostEvent,
  PrimaryEvent,
  ProblemEvent,
  QueryEvent,
  StoreEvent,
  WriterEvent,
} from './events/event-types.ts'
export type { RouteReason, ServedBy } from './events/served-by.ts'
export type { Forecast, ForecastRoute } from './engine/observe-mode-report.ts'
export type { Mode } from './modes/pool-mode.ts'
export type { ModeShare, ModeShares } from './modes/mode-rollout.ts'
export type { HedgeOptions } from './limits/hedge-options.ts'
export type { RouteOptions } from './route/request.ts'
export { createPool } from './pool/create-pool.ts'
export type { NearestPool } from './pool/nearest-pool.ts'
export type { NearestPoolOptions } from './options/pool-options.ts'
export type {
  ServerAnswer,
  ServerEntry,
  ServerList,
  ServerOptions,
  ServerSource,
} from './server-list/server-list-types.ts'
export type { EachResult } from './routed-pool/query-each.ts'
export type { ReplicaOptions } from './pool/replica-handle-options.ts'
export type { ReplicatedOptions } from './replication-wait/replication-wait-options.ts'
export type {
  BatchOptions,
  BatchOutcome,
  BatchStatement,
  BatchTransactionOptions,
} from './transaction/batch-options-and-routing.ts'
export type { CommittingQuery, Routed, Served } from './route/query-types.ts'
export type { RoutedClient, Transaction } from './route/query-types.ts'
export type { RoutedPool } from './routed-pool/routed-pool.ts'
export type { Session, SessionOptions } from './pool/session.ts'
export type { BookmarkStore } from './bookmark-store/bookmark-store.ts'
export type { BookmarkStoreStatus, ConnectionCounts, PoolState, ServerStatus, Status } from './servers/status.ts'
export type { Consistency } from './session/consistency.ts'
export type { TransactionOptions } from './transaction/transaction.ts'
export type { ProblemCode } from './topology/problem.ts'
export type { WriteAttempt, WriteGuard } from './write-guard/before-write-hook.ts'
export type { Health, Role, ServerState, Topology } from './topology/topology-types.ts'
