/** What a statement has learned of a server. */
export interface Report {
  readonly server: string
  /** Of the connections that it was learned from, or that one could not be added to. */
  readonly generation: number
  /**
   * - `unreachable`: no connection could be made.
   * - `refused`: the server answered an attempt to connect with an error.
   * - `lost`: a connection died with a statement on it.
   * - `role`: the server is not the primary or the replica that it was taken for.
   */
  readonly sign: 'unreachable' | 'refused' | 'lost' | 'role'
  readonly error: unknown
}
