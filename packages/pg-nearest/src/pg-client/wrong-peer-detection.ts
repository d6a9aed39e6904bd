import pg from 'pg'
import { messageOf, noteDialling, type Dialling } from '../driver-errors.ts'
import { dispatchMessages } from '../message-framing/message-dispatcher.ts'
import { interceptParser, internalsOf } from '../wire/pg-internals.ts'
import { valueTooLongError } from '../result-value-too-long.ts'
import { deferListenerErrors } from './defer-listener-errors.ts'
import { HEAD_BYTES, INCOMPLETE, LONGEST_FORK_FAILURE, mayGreet, readForkFailure } from './server-greeting-check.ts'

/** What answers is no database of PostgreSQL's. */
class WrongPeerError extends Error {
  override readonly name = 'WrongPeerError'
  readonly code: 'NEAREST_NOT_POSTGRES' | 'NEAREST_TLS_ONLY' | 'NEAREST_ADMIN_CONSOLE'

  constructor(code: WrongPeerError['code'], what: string, options?: ErrorOptions) {
    super(what, options)
    this.code = code
  }
}

/** A server says who it is, and no more, before it is ready. */
const MOST_BYTES = 1_048_576

const stages = new WeakMap<pg.Client, Dialling['stage']>()

/**
 * Looks at what comes back before pg does, which would wait for the end of a message of a gigabyte: what is no PostgreSQL is told at its
 * first bytes, what sends without end is cut off, and what pg's parser cannot read ends the connection, and not the process. To be called
 * before the client connects.
 */
export function detectWrongPeer(client: pg.Client): void {
  const { connection } = internalsOf(client)
  let head: Buffer = Buffer.alloc(0)
  let isGreeted = false
  let state: 'starting' | 'ready' | 'failed' = 'starting'
  let received = 0
  const come = (stage: Dialling['stage']): void => void stages.set(client, stage)
  const fail = (error: Error): void => {
    if (state === 'failed') return
    leave()
    state = 'failed'
    connection.emit('error', error)
    connection.stream.destroy()
  }
  const look = (chunk: Buffer): void => {
    come('answered')
    received += chunk.length
    if (received > MOST_BYTES) return fail(new WrongPeerError('NEAREST_NOT_POSTGRES', 'sends without end'))
    if (isGreeted) return
    head = Buffer.concat([head, chunk.subarray(0, LONGEST_FORK_FAILURE + 1 - head.length)])
    const said = readForkFailure(head)
    if (said === INCOMPLETE) return awaitRest()
    if (said !== undefined) return fail(forkFailure(said))
    isGreeted = head.length >= HEAD_BYTES
    if (!mayGreet(head)) fail(peerOf(head))
  }
  const awaitRest = (): void => {
    // pg tells of the end in the order of its listeners.
    connection.stream.off('close', ended)
    connection.stream.prependOnceListener('close', ended)
  }
  const ended = (): void => {
    if (is('starting') && !mayGreet(head)) fail(peerOf(head))
  }
  const lookAtSslReply = (chunk: Buffer): void => {
    come('answered')
    // Nobody knows yet who says that: as with libpq, it is not repeated.
    if (readForkFailure(chunk)) return fail(forkFailure('could not start a process for the connection'))
    const [reply] = chunk
    // pg fails on an error in its place.
    const isReply = reply === 0x45 || (chunk.length === 1 && (reply === 0x53 || reply === 0x4e))
    if (!isReply) fail(peerOf(chunk))
  }
  const asked = ({ parameterName, parameterValue }: { parameterName: string; parameterValue: string }): void => {
    if (parameterName !== 'server_version' || !/bouncer/i.test(parameterValue)) return
    fail(new WrongPeerError('NEAREST_ADMIN_CONSOLE', `it is ${parameterValue.slice(0, 40)}`))
  }
  const leave = (): void => {
    state = 'ready'
    connection.off('parameterStatus', asked)
    connection.off('readyForQuery', leave)
    deferListenerErrors(connection)
  }
  const is = (wanted: typeof state): boolean => state === wanted
  // Nobody else has the client before it is ready.
  const caught = (error: unknown): void => fail(isDescribed(error) ? error : describeNonsense(error))
  interceptParser(connection, (parse) => {
    const pass = (bytes: Buffer): void => {
      try {
        parse(bytes)
      } catch (error) {
        throw describeNonsense(error)
      }
    }
    const dispatcher = dispatchMessages(connection, pass, caught)
    return (chunk) => {
      if (is('starting')) look(chunk)
      if (!is('failed')) dispatcher.take(chunk)
    }
  })
  come('dialling')
  connection.once('connect', () => {
    come('connected')
    if (connection.ssl !== false && connection.sslNegotiation !== 'direct') {
      connection.stream.prependOnceListener('data', lookAtSslReply)
    }
  })
  connection.on('parameterStatus', asked)
  connection.on('readyForQuery', leave)
}

/** Notes on an error how far this client had come when it failed. */
export function noteStage(client: pg.Client, error: unknown): void {
  const stage = stages.get(client)
  if (stage !== undefined) noteDialling(error, { host: client.host, port: client.port, stage })
}

/** What pg's parser has failed with is described where that is known. */
const described = new WeakSet<object>()

function isDescribed(error: unknown): error is Error {
  return error instanceof Error && described.has(error)
}

const NONSENSE = 'sends what is no message of PostgreSQL’s'

function describeNonsense(error: unknown): Error {
  const description = descriptionOf(error)
  described.add(description)
  return description
}

function descriptionOf(error: unknown): Error {
  const tooLong = valueTooLongError(error)
  if (tooLong !== undefined) return tooLong
  if (!/authentication/i.test(messageOf(error))) {
    return new WrongPeerError('NEAREST_NOT_POSTGRES', NONSENSE, { cause: error })
  }
  return new Error('it wants a login that pg does not know, such as GSSAPI: look at its pg_hba.conf', { cause: error })
}

/** What a server that can fork would say in its place. The second protocol has no codes. */
function forkFailure(message: string): Error {
  const error = new pg.DatabaseError(message, message.length, 'error')
  return Object.assign(error, { severity: 'FATAL', code: '53300', routine: 'report_fork_failure_to_client' })
}

/** By its first words. Nothing of them is repeated. */
function peerOf(head: Buffer): WrongPeerError {
  const [type, major] = head
  if ((type === TLS_ALERT || type === TLS_HANDSHAKE) && major === 3) {
    return new WrongPeerError('NEAREST_TLS_ONLY', 'expects TLS')
  }
  return new WrongPeerError('NEAREST_NOT_POSTGRES', `speaks ${protocolOf(head) ?? 'another protocol'}`)
}

const TLS_ALERT = 21
const TLS_HANDSHAKE = 22
/** MySQL's version of its protocol, and its errors, behind the length of the first packet and its number. */
const MYSQL: ReadonlySet<unknown> = new Set([10, 255])

function protocolOf(head: Buffer): string | undefined {
  if (head[3] === 0 && MYSQL.has(head[4])) return "MySQL's protocol"
  const text = head.toString('latin1', 0, HEAD_BYTES)
  return PROTOCOLS.find(([pattern]) => pattern.test(text))?.[1]
}

const PROTOCOLS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^HTTP\//, 'HTTP'],
  [/^SSH-/, 'SSH'],
  [/^(?:-[A-Z]+ |\+OK|\+PONG)/, "Redis's protocol"],
  [/^\d{3}[ -]/, 'the protocol of a mail or file server'],
]
