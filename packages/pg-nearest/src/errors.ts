/**
 * What can go wrong, by a code that stays the same between releases.
 *
 * | code | meaning |
 * | --- | --- |
 * | `NEAREST_BAD_OPTION` | an option of `createPool` (or of `fly()`, `aurora()`, or a flag) is unknown or has a wrong value |
 * | `NEAREST_BAD_URL` | a connection URL cannot be used |
 * | `NEAREST_UNKNOWN_REGION` | a region was named that is not in the list |
 * | `NEAREST_UNKNOWN_LABEL` | a label was named that no server of the list has |
 * | `NEAREST_NO_SERVER` | no server could run the statement; `cause` holds what each one said |
 * | `NEAREST_AUTHENTICATION` | the only server that could have run it refused the user or the password |
 * | `NEAREST_PASSWORD` | a server's password function threw, took too long, or returned no text |
 * | `NEAREST_STREAM` | a server's option `stream` threw, or returned no stream; only as part of a `NEAREST_NO_SERVER` |
 * | `NEAREST_NOT_HERE` | the statement needs the primary, but its read-only transaction runs on a replica, or where nothing is written; as part of a `NEAREST_NO_SERVER`: what was taken for the primary is a replica |
 * | `NEAREST_BEHIND` | a server does not show yet what a read must show; only as part of a `NEAREST_NO_SERVER` |
 * | `NEAREST_CONNECTION_LOST` | the connection died inside of a transaction, which is rolled back, or with session state, or under a cursor or a stream that only reads |
 * | `NEAREST_ROLLED_BACK` | a transaction's COMMIT was answered with ROLLBACK, because one of its statements had failed, or was never sent |
 * | `NEAREST_COMMITTED` | a transaction was committed, although it was given up, or one of its statements has failed in this process (a type parser threw on its rows): `cause` says what; it is not to be repeated |
 * | `NEAREST_POOL_TRANSACTION` | `pool.query('BEGIN')`, where each statement may run on another connection |
 * | `NEAREST_TRANSACTION_OVER` | a statement was given to `transaction()` after its function had ended |
 * | `NEAREST_STREAM_LEFT_OPEN` | the function of a transaction left a cursor, a stream or a COPY open, and nobody went on with it, so that it was rolled back |
 * | `NEAREST_READ_ONLY` | the primary refuses writes: fenced, or out of disk |
 * | `NEAREST_READ_ONLY_HANDLE` | what writes was run on a handle that only reads (`pool.replica()`), or in `pool.transaction({ readOnly: true })`: `cause` is the server's refusal |
 * | `NEAREST_READ_ONLY_MODE` | the pool is in the mode `read-only`, so this was not written |
 * | `NEAREST_OVERLOADED` | `maxWaiting` statements are waiting for a connection to the server already |
 * | `NEAREST_NOT_REPLICATED` | `pool.replicated()` waited in vain: `missing` says for whom, and why |
 * | `NEAREST_REQUEST_REPLAYED` | a write was not sent, because its request runs beside the primary instead: see `first-write` |
 * | `NEAREST_VALUE_TOO_LONG` | a value in the answer is longer than a JavaScript string can be: `cause` is Node's error. What was sent to write is told `08007` instead, with this as its `cause` |
 * | `NEAREST_OLD_PG` | the installed pg is older than 8.23 |
 * | `NEAREST_ENDED` | the pool was ended |
 * | `NEAREST_TIMEOUT` | `timeoutMs` has passed, `connectionTimeoutMillis` before a connection came free, or `connectTimeoutMs` before `onConnect` or `verify` ended |
 * | `08007` | the connection died with a write in flight: it may or may not have happened |
 */
export type NearestErrorCode =
  | 'NEAREST_BAD_OPTION'
  | 'NEAREST_BAD_URL'
  | 'NEAREST_UNKNOWN_REGION'
  | 'NEAREST_UNKNOWN_LABEL'
  | 'NEAREST_NO_SERVER'
  | 'NEAREST_AUTHENTICATION'
  | 'NEAREST_PASSWORD'
  | 'NEAREST_STREAM'
  | 'NEAREST_NOT_HERE'
  | 'NEAREST_BEHIND'
  | 'NEAREST_CONNECTION_LOST'
  | 'NEAREST_ROLLED_BACK'
  | 'NEAREST_COMMITTED'
  | 'NEAREST_POOL_TRANSACTION'
  | 'NEAREST_TRANSACTION_OVER'
  | 'NEAREST_STREAM_LEFT_OPEN'
  | 'NEAREST_READ_ONLY'
  | 'NEAREST_READ_ONLY_HANDLE'
  | 'NEAREST_READ_ONLY_MODE'
  | 'NEAREST_OVERLOADED'
  | 'NEAREST_NOT_REPLICATED'
  | 'NEAREST_REQUEST_REPLAYED'
  | 'NEAREST_VALUE_TOO_LONG'
  | 'NEAREST_OLD_PG'
  | 'NEAREST_ENDED'
  | 'NEAREST_TIMEOUT'
  | '08007'

/** All copies of this library in the process know an error by that, and its kind by its name: their classes are others. */
const BRAND: unique symbol = Symbol.for('pg-nearest.error')

/**
 * The base class of the errors of pg-nearest. PostgreSQL's errors about a statement (a unique violation, a syntax error) are not
 * wrapped: they are `DatabaseError`s, as from a `pg.Pool`.
 */
export class NearestError extends Error {
  override readonly name: string = 'NearestError'
  readonly code: NearestErrorCode

  constructor(code: NearestErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true })
  }
}

/** An option has an unknown name or a wrong value. Thrown before anything is connected. */
export class OptionError extends NearestError {
  override readonly name = 'OptionError'
  /** The option's path, such as `replicas.ord`. */
  readonly option: string

  constructor(option: string, message: string, code: 'NEAREST_BAD_OPTION' | 'NEAREST_BAD_URL' = 'NEAREST_BAD_OPTION') {
    super(code, message)
    this.option = option
  }
}

/** A failed attempt to run a statement on a server. */
export interface FailedAttempt {
  /** The server's name, such as `ord` or `ord#2`. */
  readonly server: string
  readonly error: unknown
}

/** A server of the list, and what was known about it when no server could run a statement. */
export interface Candidate {
  readonly server: string
  readonly region: string | undefined
  readonly role: 'primary' | 'replica' | 'unknown'
  readonly health: 'connecting' | 'up' | 'suspect' | 'down' | 'leaving'
  /** What is wrong with it, in a sentence. */
  readonly problem: string | undefined
  /** The same as a code, such as `NEAREST_NOTHING_LISTENS`: see `ProblemCode`. */
  readonly problemCode: string | undefined
}

export type NoServerCode = 'NEAREST_NO_SERVER' | 'NEAREST_AUTHENTICATION' | 'NEAREST_PASSWORD'

/** No server could run the statement. `cause` is an `AggregateError` with one error for each attempt. */
export class NoServerError extends NearestError {
  override readonly name = 'NoServerError'
  /** What was tried, in this order. */
  readonly attempts: readonly FailedAttempt[]
  /** All servers of the list, tried or not. */
  readonly candidates: readonly Candidate[]

  constructor(
    message: string,
    attempts: readonly FailedAttempt[],
    candidates: readonly Candidate[],
    code: NoServerCode,
  ) {
    super(code, message, {
      cause: new AggregateError(
        attempts.map((attempt) => attempt.error),
        'every attempt failed',
      ),
    })
    this.attempts = attempts
    this.candidates = candidates
  }
}

/**
 * The connection died while a write or a COMMIT was in flight, so it happened once or not at all. It was not repeated. Before you
 * repeat it, check on the primary (`pool.primary`) whether it happened, by a key of your own.
 */
export class OutcomeUnknownError extends NearestError {
  override readonly name = 'OutcomeUnknownError'
  /** The statement's text, without its values. */
  readonly text: string
  /** The server that it was sent to, such as `nrt`. */
  readonly server: string

  constructor(text: string, server: string, cause: unknown) {
    super(
      '08007',
      `The connection to ${server} was lost while a statement that may have written was on its way, so it may or may not have ` +
        'happened. It was not sent again where it could write. Check for its effect before you repeat it.',
      { cause },
    )
    this.text = text
    this.server = server
  }
}

/**
 * Among the `attempts` of a {@link NoServerError}: a server's password function returned no password, so no connection to that server
 * could be made. What the function threw is left out, because it may hold a secret.
 */
export class PasswordError extends NearestError {
  override readonly name = 'PasswordError'
  /** The server's name, such as `ord`. */
  readonly server: string

  constructor(server: string, what: string) {
    super('NEAREST_PASSWORD', `The password function of ${server} ${what}: look at what it does.`)
    this.server = server
  }
}

/** A server's option `stream` returned no stream, so no connection to that server could be made. What it threw is left out, because it may hold a secret. */
export class StreamError extends NearestError {
  override readonly name = 'StreamError'
  /** The server's name, such as `ord`. */
  readonly server: string

  constructor(server: string, what: string) {
    super('NEAREST_STREAM', `The option "stream" of ${server} ${what}: look at what it does.`)
    this.server = server
  }
}

/**
 * The request runs beside the primary instead, so a write was not sent: let this error end the handler, whose answer nobody gets. Only on
 * routes with the policy `first-write`.
 */
export class RequestReplayedError extends NearestError {
  override readonly name = 'RequestReplayedError'
  /** Where it runs instead. */
  readonly region: string

  constructor(region: string) {
    super(
      'NEAREST_REQUEST_REPLAYED',
      `The request is sent to ${region}, to run beside the primary, so this write was not sent from here. Let the error end the handler: nobody gets what it answers.`,
    )
    this.region = region
  }
}

/** The pool, or this session of it, is in the mode `read-only`, so a write was not sent, or the server has refused it: it had no effect. */
export class ReadOnlyModeError extends NearestError {
  override readonly name = 'ReadOnlyModeError'

  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('NEAREST_READ_ONLY_MODE', message, options)
  }
}

/** A server that has not said in time that it shows a position. */
export interface MissingServer {
  readonly server: string
  /** Such as `it is 4096 bytes behind`, or why it cannot be asked, as in the status. */
  readonly why: string
}

/** Not every server has said in time that it shows a position, or one of them may not be asked. */
export class NotReplicatedError extends NearestError {
  override readonly name = 'NotReplicatedError'
  readonly missing: readonly MissingServer[]

  /**
   * @param position - as PostgreSQL prints it; `undefined`: the primary's was not learned
   * @param withinMs - how long it was waited for; `undefined`: not to the end, because more time would not help
   */
  constructor(position: string | undefined, withinMs: number | undefined, missing: readonly MissingServer[]) {
    const what =
      position === undefined ? "The primary's position was not learned" : `Not every server showed ${position}`
    const time = withinMs === undefined ? '' : ` within ${withinMs / 1_000} s`
    const said = missing.map(({ server, why }) => `${server}: ${why}.`).join(' ')
    super('NEAREST_NOT_REPLICATED', `${what}${time}. ${said}`)
    this.missing = missing
  }
}

/** A bound, because a chain of causes may be circular. */
const DEEPEST_CAUSE = 10

/** An error and what caused it, outermost first. */
export function* causesOf(error: unknown): Generator<object> {
  let at = error
  for (let depth = 0; depth < DEEPEST_CAUSE && typeof at === 'object' && at !== null; depth++) {
    yield at
    at = causeOf(at)
  }
}

/** An error may be anything that somebody has thrown. */
function causeOf(error: { readonly cause?: unknown }): unknown {
  return lookAt(() => error.cause)
}

/** What the error says; `undefined`: it throws when it is looked at, as a proxy may that was revoked. */
export function lookAt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}

/** As `instanceof`, which throws for a proxy that was revoked. */
export function instanceOf<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  return lookAt(() => value instanceof type) === true
}

/**
 * The first `NearestError` among an error and its causes, as ORMs wrap errors; `undefined` if there is none.
 *
 * @example
 * ```ts
 * import { isOutcomeUnknownError, nearestErrorOf } from 'pg-nearest'
 *
 * export const maybeWritten = (error: unknown): boolean => isOutcomeUnknownError(nearestErrorOf(error))
 * ```
 */
export function nearestErrorOf(error: unknown): NearestError | undefined {
  for (const each of causesOf(error)) if (isNearestError(each)) return each
  return undefined
}

export function isNearestError(error: unknown): error is NearestError {
  return typeof error === 'object' && error !== null && lookAt(() => BRAND in error) === true
}

function isNamed(error: unknown, name: string): boolean {
  return isNearestError(error) && lookAt(() => error.name) === name
}

export function isOptionError(error: unknown): error is OptionError {
  return isNamed(error, 'OptionError')
}

export function isNoServerError(error: unknown): error is NoServerError {
  return isNamed(error, 'NoServerError')
}

export function isRequestReplayedError(error: unknown): error is RequestReplayedError {
  return isNamed(error, 'RequestReplayedError')
}

export function isReadOnlyModeError(error: unknown): error is ReadOnlyModeError {
  return isNamed(error, 'ReadOnlyModeError')
}

const PASSING: ReadonlySet<NearestErrorCode> = new Set([
  'NEAREST_READ_ONLY_MODE',
  'NEAREST_READ_ONLY',
  'NEAREST_NO_SERVER',
])

/**
 * Whether a statement failed because nothing can be written now, or no server can be reached: it had no effect, and may succeed later. A
 * web app answers 503, as the middlewares of this package do. Looks at an error's causes, too, as ORMs wrap errors.
 */
export function isUnavailableError(error: unknown): boolean {
  const codes = [...causesOf(error)].flatMap((each) => (isNearestError(each) ? [lookAt(() => each.code)] : []))
  return (
    !codes.includes('08007') &&
    !codes.includes('NEAREST_COMMITTED') &&
    codes.some((code) => code !== undefined && PASSING.has(code))
  )
}

export function isNotReplicatedError(error: unknown): error is NotReplicatedError {
  return isNamed(error, 'NotReplicatedError')
}

export function isPasswordError(error: unknown): error is PasswordError {
  return isNamed(error, 'PasswordError')
}

export function isStreamError(error: unknown): error is StreamError {
  return isNamed(error, 'StreamError')
}

export function isOutcomeUnknownError(error: unknown): error is OutcomeUnknownError {
  return isNamed(error, 'OutcomeUnknownError')
}
