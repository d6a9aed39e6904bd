import type { Bookmark } from '../session/bookmark.ts'

/** What the other pools of a process may know of what was done with one of them outside of explicit sessions. */
export interface ProcessMember {
  /** The identifier of its cluster, if that is known. */
  readonly cluster: string | undefined
  /** It has several servers, so that something stale could be read. */
  readonly several: boolean
  /** What was written and seen. */
  readonly bookmark: Bookmark | undefined
  /** When something was written last at a position that is not known, by `performance.now()`; now, while that goes on. */
  readonly unknownAt: number | undefined
}

/** Held weakly, so that a pool that nobody ends does not stay for ever. */
type Registry = Set<WeakRef<ProcessMember>>

/** Another number whenever the shape of what is shared changes: copies of both kinds then go on, each among themselves. */
const KEY = Symbol.for('pg-nearest.process-sessions.1')

/** The pools of this process that have been used, and not ended. All copies of this library share it. */
export function processRegistry(): Registry {
  const holder = globalThis as { [KEY]?: unknown }
  const registry: Registry = new Set()
  holder[KEY] ??= registry
  return holder[KEY] instanceof Set ? (holder[KEY] as Registry) : registry
}

export function membersOf(registry: Registry): readonly ProcessMember[] {
  const members: ProcessMember[] = []
  for (const reference of registry) {
    const member = reference.deref()
    if (member === undefined) registry.delete(reference)
    else members.push(member)
  }
  return members
}

/** What a member says now, as far as it can be what it says: another copy of this library may have made it. */
export function readMember(member: ProcessMember): ProcessMember {
  try {
    const { cluster, several, bookmark, unknownAt } = member
    return {
      cluster: typeof cluster === 'string' ? cluster : undefined,
      several: (several as unknown) === true,
      bookmark: isBookmark(bookmark) ? bookmark : undefined,
      unknownAt: typeof unknownAt === 'number' && unknownAt <= performance.now() ? unknownAt : undefined,
    }
  } catch {
    return NOTHING
  }
}

const NOTHING: ProcessMember = { cluster: undefined, several: false, bookmark: undefined, unknownAt: undefined }

function isBookmark(value: unknown): value is Bookmark {
  if (typeof value !== 'object' || value === null) return false
  const { systemIdentifier, timeline, lsn } = value as Partial<Record<keyof Bookmark, unknown>>
  return typeof systemIdentifier === 'string' && Number.isSafeInteger(timeline) && typeof lsn === 'bigint'
}

/** Returns what to call when the pool is ended. */
export function joinProcess(registry: Registry, member: ProcessMember): () => void {
  const reference = new WeakRef(member)
  registry.add(reference)
  return () => registry.delete(reference)
}

/** Whether the two may be of one cluster. */
export function mayShare(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b
}
