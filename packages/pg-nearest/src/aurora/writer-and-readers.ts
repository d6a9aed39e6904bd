/** A row of `aurora_replica_status()`. */
export interface InstanceRow {
  readonly instance: string
  /** It is listed as the writer. */
  readonly writer: boolean
  /** Seconds since the row was brought up to date; `undefined` for the instance that answers, whose row always is. */
  readonly age: number | undefined
}

/** The instances of a cluster, as one answer has them. */
export interface Instances {
  readonly writer: string
  readonly readers: readonly string[]
}

/** Rows of instances that are gone stay for a while. AWS's own drivers use the same bound. */
const OLD_SECONDS = 300

/** It becomes a part of a host's name. */
const IDENTIFIER = /^[a-z][a-z0-9-]{0,62}$/i

/**
 * Reads an answer. Of two writers, as there may be in the middle of a failover, the one with the newer row counts.
 *
 * @throws Error if there is no writer among the rows: such an answer says nothing.
 */
export function instancesOf(rows: readonly InstanceRow[]): Instances {
  const valid = rows.filter(({ instance }) => IDENTIFIER.test(instance))
  const [writer] = valid.filter((row) => row.writer).toSorted((a, b) => (a.age ?? 0) - (b.age ?? 0))
  if (writer === undefined) {
    throw new Error(
      rows.length === 0 ? 'aurora_replica_status() named no instance' : 'aurora_replica_status() named no writer',
    )
  }
  const current = valid.filter(({ age }) => age === undefined || age <= OLD_SECONDS).map(({ instance }) => instance)
  return { writer: writer.instance, readers: [...new Set(current)].filter((instance) => instance !== writer.instance) }
}
