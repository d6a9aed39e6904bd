/** Where the list of servers was read, which is where it is mended. */
export type ListSource = { readonly from: 'options' } | EnvironmentSource

export interface EnvironmentSource {
  readonly from: 'environment'
  /** What `REPLICA_REGIONS` says; `undefined`: it is not set. */
  readonly replicaRegions: readonly string[] | undefined
  /** The names of the variables that are set. */
  readonly variables: ReadonlySet<string>
}
