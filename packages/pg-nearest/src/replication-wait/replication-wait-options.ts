import { OptionError } from '../errors.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import { parseBookmark } from '../session/bookmark-text.ts'
import type { ReplicationWait } from './replication-wait.ts'

/** Options of `pool.replicated`. */
export interface ReplicatedOptions {
  /** What must be shown: a session's `bookmark()`. Default: everything that the primary has now. */
  readonly bookmark?: string | undefined
  /** Names of servers, as in the status. Default: every server of the list but the primary. */
  readonly servers?: readonly string[] | undefined
  /** Milliseconds to wait at most, the answers included. 0: each server is asked once, and its answer awaited. Default 30,000. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const NAMES: readonly (keyof ReplicatedOptions)[] = ['bookmark', 'servers', 'timeoutMs', 'signal']
const DEFAULT_MS = 30_000

/** @internal @throws OptionError for the first option that cannot be used. */
export function parseReplicatedOptions(options: ReplicatedOptions): ReplicationWait {
  checkNames(options, NAMES)
  const { bookmark: text, servers, timeoutMs = DEFAULT_MS, signal } = options
  if (!Number.isFinite(timeoutMs) || timeoutMs < 0) {
    throw new OptionError('timeoutMs', 'timeoutMs must be a number of milliseconds, at least 0.')
  }
  if (servers !== undefined && !(Array.isArray(servers) && servers.every((each) => typeof each === 'string'))) {
    throw new OptionError('servers', 'servers must be a list of names, such as ["ord", "syd"].')
  }
  const bookmark = text === undefined ? undefined : parseBookmark(text)
  if (text !== undefined && bookmark === undefined) {
    throw new OptionError(
      'bookmark',
      'bookmark must be a position: what bookmark() returned where the primary tells its position.',
    )
  }
  return { bookmark, servers, timeoutMs, signal }
}
