import type { Instances } from './writer-and-readers.ts'

/** The instances that are listed, with when each was last named, in the order in which they were first seen. */
export interface KnownInstances {
  readonly writer: string
  readonly namedAt: ReadonlyMap<string, number>
}

/** How long an instance stays that is not named any more: the first answers after a failover may lack readers that are there. */
const KEEP_MS = 60_000

/** What is known after another answer. An instance that both have keeps its place, and so its name and its connections. */
export function afterAnswer(
  known: KnownInstances | undefined,
  { writer, readers }: Instances,
  now: number,
): KnownInstances {
  const namedAt = new Map(known?.namedAt)
  for (const instance of [writer, ...readers]) namedAt.set(instance, now)
  for (const [instance, at] of namedAt) if (now - at > KEEP_MS) namedAt.delete(instance)
  return { writer, namedAt }
}

export function readersOf({ writer, namedAt }: KnownInstances): readonly string[] {
  return [...namedAt.keys()].filter((instance) => instance !== writer)
}
