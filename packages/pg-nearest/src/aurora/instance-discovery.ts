import { messageOf } from '../driver-errors.ts'
import type { ServerEntry, ServerList, ServerOptions, ServerSource } from '../server-list/server-list-types.ts'
import { instancesOf, type InstanceRow } from './writer-and-readers.ts'
import { afterAnswer, readersOf, type KnownInstances } from './known-instances.ts'

export interface InstanceListOptions {
  /** The cluster's endpoint. Holds the password. */
  readonly cluster: ServerOptions
  /** One instance, without its region. Holds the password. */
  entryOf(instance: string): ServerOptions
  regionOf(instance: string): string | undefined
  /** Listed beside those that are found. */
  readonly replicas: NonNullable<ServerList['replicas']>
  ask(entry: ServerOptions, signal: AbortSignal): Promise<readonly InstanceRow[]>
}

/** One attempt, connecting included. */
const ATTEMPT_MS = 3_000
/** All attempts: less than the caller waits for a list. */
const PATIENCE_MS = 9_000

/** Returns the cluster's instances as a list of servers; the writer is the primary. Rejects if no instance gave a usable answer. */
export function instanceList({ cluster, entryOf, regionOf, replicas, ask }: InstanceListOptions): ServerSource {
  let known: KnownInstances | undefined

  /** The endpoint's name may still lead to an instance that is gone, while the others know better. */
  const candidates = (): readonly ServerOptions[] =>
    known === undefined ? [cluster] : [cluster, ...[known.writer, ...readersOf(known)].map(entryOf)]

  const listOf = (instances: KnownInstances): ServerList => {
    const found = new Map(
      Object.entries(replicas).map(([region, given]): [string, ServerEntry[]] => [region, [given].flat()]),
    )
    for (const instance of readersOf(instances)) {
      // An empty one is refused with the list.
      const region = regionOf(instance) ?? ''
      found.set(region, [...(found.get(region) ?? []), entryOf(instance)])
    }
    const { writer } = instances
    return { primary: { ...entryOf(writer), region: regionOf(writer) }, replicas: Object.fromEntries(found) }
  }

  return async () => {
    const deadline = performance.now() + PATIENCE_MS
    const errors: unknown[] = []
    for (const candidate of candidates()) {
      const left = deadline - performance.now()
      if (left <= 0) break
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next one only if this one has failed
        const rows = await ask(candidate, AbortSignal.timeout(Math.ceil(Math.min(left, ATTEMPT_MS))))
        known = afterAnswer(known, instancesOf(rows), performance.now())
        return listOf(known)
      } catch (error) {
        errors.push(error)
      }
    }
    throw new Error(`the cluster was asked for its instances: ${errors.map(messageOf).join('; ')}`, {
      cause: new AggregateError(errors),
    })
  }
}
