import {
  codeOf,
  diallingOf,
  isAuthenticationFailure,
  isPasswordMissing,
  messageOf,
  routineOf,
  unreadableFile,
  type Dialling,
} from '../driver-errors.ts'
import { lookAt } from '../errors.ts'
import type { FailureCode, Problem } from '../topology/problem.ts'

/** Why a server could not be used, and what to do about it. */
export function describeFailure(server: string, error: unknown): Problem {
  const code = failureCode(error)
  return { code, message: SENTENCES[code](server, error, placeOf(diallingOf(error))) }
}

function failureCode(error: unknown): FailureCode {
  const code = codeOf(error)
  if (code === 'NEAREST_PASSWORD' || code === 'NEAREST_STREAM') return code
  if (isAuthenticationFailure(error)) return 'NEAREST_AUTHENTICATION'
  if (unreadableFile(error) !== undefined) return 'NEAREST_FILE'
  const known = code === undefined ? undefined : BY_CODE.get(code)
  if (known !== undefined) return known
  if (messageOf(error) === NO_TLS) return 'NEAREST_NO_TLS'
  return code === undefined || code.startsWith('NEAREST_') ? byStage(diallingOf(error), error) : 'NEAREST_UNUSABLE'
}

/** pg's own, which has no code. */
const NO_TLS = 'The server does not support SSL connections'

const BY_CODE: ReadonlyMap<string, FailureCode> = new Map([
  ['NEAREST_NOT_POSTGRES', 'NEAREST_NOT_POSTGRES'],
  ['NEAREST_TLS_ONLY', 'NEAREST_TLS_ONLY'],
  ['NEAREST_ADMIN_CONSOLE', 'NEAREST_ADMIN_CONSOLE'],
  ['NEAREST_BEHIND', 'NEAREST_BEHIND'],
  ['3D000', 'NEAREST_NO_DATABASE'],
  ['53300', 'NEAREST_FULL'],
  ['57P01', 'NEAREST_STOPPED'],
  ['57P02', 'NEAREST_STOPPED'],
  ['57P03', 'NEAREST_STARTING'],
  ['ECONNREFUSED', 'NEAREST_NOTHING_LISTENS'],
  // No such socket file.
  ['ENOENT', 'NEAREST_NOTHING_LISTENS'],
  ['ECONNRESET', 'NEAREST_CLOSED_PORT'],
  ['ENOTFOUND', 'NEAREST_HOST_NOT_FOUND'],
  ['EAI_AGAIN', 'NEAREST_HOST_NOT_FOUND'],
  ['ETIMEDOUT', 'NEAREST_UNREACHABLE'],
  ['EHOSTUNREACH', 'NEAREST_UNREACHABLE'],
  ['EHOSTDOWN', 'NEAREST_UNREACHABLE'],
  ['ENETUNREACH', 'NEAREST_UNREACHABLE'],
  ['ENETDOWN', 'NEAREST_UNREACHABLE'],
  // https://nodejs.org/api/tls.html#x509-certificate-error-codes
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NEAREST_CERTIFICATE'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'NEAREST_CERTIFICATE'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'NEAREST_CERTIFICATE'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'NEAREST_CERTIFICATE'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NEAREST_CERTIFICATE'],
  ['CERT_SIGNATURE_FAILURE', 'NEAREST_CERTIFICATE'],
  ['CERT_UNTRUSTED', 'NEAREST_CERTIFICATE'],
  ['CERT_REJECTED', 'NEAREST_CERTIFICATE'],
  ['INVALID_CA', 'NEAREST_CERTIFICATE'],
  ['CERT_REVOKED', 'NEAREST_CERTIFICATE'],
  ['CERT_HAS_EXPIRED', 'NEAREST_CERTIFICATE'],
  ['CERT_NOT_YET_VALID', 'NEAREST_CERTIFICATE'],
  ['HOSTNAME_MISMATCH', 'NEAREST_CERTIFICATE'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'NEAREST_CERTIFICATE'],
])

/** What mends a certificate that is refused for another reason than that nobody known has signed it. */
const CERTIFICATE_ADVICE: ReadonlyMap<string | undefined, string> = new Map([
  ['CERT_HAS_EXPIRED', 'renew it there.'],
  ['CERT_NOT_YET_VALID', 'check the clocks, there and here.'],
  ['CERT_REVOKED', 'replace it there.'],
  ['HOSTNAME_MISMATCH', 'connect by a host that it names.'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'connect by a host that it names.'],
])

const GIVE_CA = 'give the CA that has signed it, as ssl: { ca } in its entry, or as sslrootcert=FILE in its URL.'

/** Whose limit a server's 53300 speaks of, by the function that raised it. Otherwise it is the whole server's. */
const LIMITS: ReadonlyMap<string | undefined, string> = new Map([
  ['InitializeSessionUserId', "the role's limit (ALTER ROLE … CONNECTION LIMIT)"],
  ['CheckMyDatabase', "the database's limit (ALTER DATABASE … CONNECTION LIMIT)"],
  ['report_fork_failure_to_client', 'what its machine allows it (memory, processes)'],
])

/** Where the error has no code of its own, it counts how far the connection had come. */
function byStage(dialling: Dialling | undefined, error: unknown): FailureCode {
  const what = messageOf(error)
  if (dialling?.stage === 'connected' && what === ENDED) return 'NEAREST_CLOSED_PORT'
  if (dialling === undefined || dialling.stage === 'answered' || !isTimeout(error)) return 'NEAREST_UNUSABLE'
  return dialling.stage === 'dialling' ? 'NEAREST_UNREACHABLE' : 'NEAREST_SILENT_PORT'
}

const ENDED = 'Connection terminated unexpectedly'

/** The monitor's, and pg's. */
function isTimeout(error: unknown): boolean {
  return (
    lookAt(() => error instanceof Error && error.name === 'SilentError') === true ||
    messageOf(error) === 'timeout expired'
  )
}

function placeOf(dialling: Dialling | undefined): string | undefined {
  if (dialling === undefined) return undefined
  const { host, port } = dialling
  return host.startsWith('/') ? `the socket in ${host}` : `port ${port} of ${host}`
}

/** `place`: where the connection was being made. */
type Sentence = (server: string, error: unknown, place: string | undefined) => string

const ITS_PORT = 'the port in its URL'

const SENTENCES: Readonly<Record<FailureCode, Sentence>> = {
  NEAREST_PASSWORD: (_server, error) => messageOf(error),
  NEAREST_STREAM: (_server, error) => messageOf(error),
  NEAREST_AUTHENTICATION: (server, error) =>
    isPasswordMissing(error)
      ? `${server} asks for a password, and there is none: write one into its URL, or give its entry a "password".`
      : `${server} refused the user or the password (${messageOf(error)}): check them in its URL, or its entry.`,
  NEAREST_NO_DATABASE: (server, error) =>
    `${server} has no such database (${messageOf(error)}): check the end of its URL.`,
  NEAREST_NOTHING_LISTENS: (server, _error, place = ITS_PORT) =>
    `${server} refused the connection: nothing listens on ${place}. Check that it runs, and whether the port is right.`,
  NEAREST_NOT_POSTGRES: (server, error, place = ITS_PORT) =>
    `${server} is not PostgreSQL: what answers on ${place} ${messageOf(error)}. Check the port.`,
  NEAREST_TLS_ONLY: (server, _error, place = ITS_PORT) =>
    `${server} expects TLS from the first byte on: on ${place} PostgreSQL's own way to begin was refused. Check the port; if it is right, write sslnegotiation=direct and sslmode=require into its URL.`,
  NEAREST_NO_TLS: (server, _error, place = ITS_PORT) =>
    `${server} takes no encrypted connections on ${place}: check the port, turn ssl on there, or leave it out of the entry (in a URL: sslmode=disable).`,
  NEAREST_CERTIFICATE: (server, error) =>
    `${server} has a certificate that is refused (${messageOf(error)}): ${CERTIFICATE_ADVICE.get(codeOf(error)) ?? GIVE_CA}`,
  NEAREST_FILE: (server, error) =>
    `${server} cannot be connected to without a file ${unreadableFile(error)} (${codeOf(error)}): check sslrootcert, sslcert and sslkey in its URL.`,
  NEAREST_ADMIN_CONSOLE: (server) =>
    `${server} is a pooler's own console, and no database: write the database's name at the end of its URL.`,
  NEAREST_SILENT_PORT: (server, _error, place = ITS_PORT) =>
    `${server} takes connections on ${place}, and says nothing: check that this is PostgreSQL's port, and that the server does not hang.`,
  NEAREST_CLOSED_PORT: (server, _error, place) =>
    place === undefined
      ? `${server} closed the connection: check that it runs.`
      : `${server} closed the connection on ${place}: check that it runs, and whether the port is right. So does a port that takes only TLS, and a proxy that has no server behind it.`,
  NEAREST_UNREACHABLE: (server, _error, place = ITS_PORT) =>
    `${server} does not answer on ${place}: check host and port, and whether a firewall lets this machine through.`,
  NEAREST_HOST_NOT_FOUND: (server, error) => {
    const host = diallingOf(error)?.host
    return `${server} has a host name ${host === undefined ? '' : `(${host}) `}that was not found: check the host in its URL, and DNS.`
  },
  NEAREST_FULL: (server, error) =>
    `${server} has no connection left (${messageOf(error)}): raise ${LIMITS.get(routineOf(error)) ?? 'its max_connections'}, or lower "max".`,
  NEAREST_STOPPED: (server, error) =>
    `${server} was stopped, or one of its processes died (${messageOf(error)}): check that it runs; it will be asked again.`,
  NEAREST_STARTING: (server, error) =>
    `${server} is starting up or shutting down (${messageOf(error)}): it will be asked again.`,
  NEAREST_BEHIND: (_server, error) => messageOf(error),
  NEAREST_UNUSABLE: (server, error) => `${server} cannot be used (${messageOf(error)}).`,
}
