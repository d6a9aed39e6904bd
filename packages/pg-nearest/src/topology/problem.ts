/**
 * What can be wrong with a server, by a code that stays the same between releases.
 *
 * | code | meaning |
 * | --- | --- |
 * | `NEAREST_NOTHING_LISTENS` | its host refuses connections on that port |
 * | `NEAREST_NOT_POSTGRES` | what answers on that port speaks another protocol |
 * | `NEAREST_TLS_ONLY` | what answers on that port expects TLS from the first byte on |
 * | `NEAREST_NO_TLS` | it takes no encrypted connections |
 * | `NEAREST_CERTIFICATE` | its certificate is not trusted, has expired, or is for another host |
 * | `NEAREST_FILE` | a file that its URL names (`sslrootcert`, `sslcert`, `sslkey`) cannot be read |
 * | `NEAREST_ADMIN_CONSOLE` | a pooler's own console answers there, and no database |
 * | `NEAREST_SILENT_PORT` | that port takes connections, and says nothing in time |
 * | `NEAREST_CLOSED_PORT` | that port takes connections, and closes them without a word |
 * | `NEAREST_UNREACHABLE` | nothing comes back from there: a firewall, or no way to the host |
 * | `NEAREST_HOST_NOT_FOUND` | its host name has no address |
 * | `NEAREST_AUTHENTICATION` | it refused the user or the password |
 * | `NEAREST_PASSWORD` | its password function threw, took too long, or returned no text |
 * | `NEAREST_STREAM` | its option `stream` threw, or returned no stream |
 * | `NEAREST_NO_DATABASE` | it has no such database |
 * | `NEAREST_FULL` | it has no connection left, or cannot start a process for one |
 * | `NEAREST_STOPPED` | it was stopped, or one of its processes died |
 * | `NEAREST_STARTING` | it is starting up or shutting down |
 * | `NEAREST_BEHIND` | it does not show yet what a read must show |
 * | `NEAREST_UNUSABLE` | it cannot be used for another reason, which the sentence has |
 * | `NEAREST_OTHER_CLUSTER` | it belongs to another cluster than the primary |
 * | `NEAREST_WRONG_PLACE` | it says that it is the primary, and was replaced, or stands in the place of a replica |
 * | `NEAREST_NO_EVIDENCE` | it says that it is the primary, and nothing shows that it was promoted |
 * | `NEAREST_STALLED` | it receives nothing from its primary any more |
 * | `NEAREST_READ_ONLY` | it is a primary that takes no writes |
 * | `NEAREST_NO_PIPELINES` | it does not answer several statements that are sent at once |
 * | `NEAREST_SEVERAL_SERVERS` | its name leads to several servers in turn |
 * | `NEAREST_SSL_OVERRIDDEN` | its option `ssl` has no effect, because of its URL |
 * | `NEAREST_NO_POSITIONS` | it does not report its position to this role |
 * | `NEAREST_SERVER_LIST` | the function `servers` has not named the servers; what runs goes on with the list from before |
 */
export type ProblemCode =
  | FailureCode
  | 'NEAREST_OTHER_CLUSTER'
  | 'NEAREST_WRONG_PLACE'
  | 'NEAREST_NO_EVIDENCE'
  | 'NEAREST_STALLED'
  | 'NEAREST_READ_ONLY'
  | 'NEAREST_NO_PIPELINES'
  | 'NEAREST_SEVERAL_SERVERS'
  | 'NEAREST_SSL_OVERRIDDEN'
  | 'NEAREST_NO_POSITIONS'
  | 'NEAREST_SERVER_LIST'

/** Why a server could not be used. */
export type FailureCode =
  | 'NEAREST_NOTHING_LISTENS'
  | 'NEAREST_NOT_POSTGRES'
  | 'NEAREST_TLS_ONLY'
  | 'NEAREST_NO_TLS'
  | 'NEAREST_CERTIFICATE'
  | 'NEAREST_FILE'
  | 'NEAREST_ADMIN_CONSOLE'
  | 'NEAREST_SILENT_PORT'
  | 'NEAREST_CLOSED_PORT'
  | 'NEAREST_UNREACHABLE'
  | 'NEAREST_HOST_NOT_FOUND'
  | 'NEAREST_AUTHENTICATION'
  | 'NEAREST_PASSWORD'
  | 'NEAREST_STREAM'
  | 'NEAREST_NO_DATABASE'
  | 'NEAREST_FULL'
  | 'NEAREST_STOPPED'
  | 'NEAREST_STARTING'
  | 'NEAREST_BEHIND'
  | 'NEAREST_UNUSABLE'

/** What a person should know of a server, or do about it. */
export interface Problem {
  readonly code: ProblemCode
  /** A sentence or two. Never contains a password. */
  readonly message: string
}
