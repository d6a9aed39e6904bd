/**
 * What a connection, or an attempt to make one, has shown about a server.
 *
 * - `unreachable`: no connection could be made.
 * - `refused`: the server answered an attempt to connect with an error.
 * - `lost`: a connection died with a statement on it.
 * - `served`: a statement was answered.
 * - `role`: the server does not have the role that it was thought to have.
 */
export interface ServerHealthSignal<Sign = 'unreachable' | 'refused' | 'lost' | 'served' | 'role'> {
  readonly server: string
  /** The generation of the server's connections at that time. */
  readonly generation: number
  readonly sign: Sign
  readonly error: unknown
}
