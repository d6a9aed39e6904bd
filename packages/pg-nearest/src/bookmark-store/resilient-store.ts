import { messageOf } from '../driver-errors.ts'
import { instanceOf } from '../errors.ts'
import { withoutSecrets } from '../error-messages/without-secrets.ts'
import type { StoreEvent } from '../events/event-types.ts'
import { backoffMs } from '../limits/retry-backoff.ts'
import { SilentError, startStallAwareTimer } from '../limits/stall-aware-timeout.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'
import { isBookmark, mergeBookmarks, UNKNOWN_BOOKMARK } from '../session/merge-bookmarks.ts'
import type { BookmarkStore } from './bookmark-store.ts'

export interface ResilientStoreOptions {
  readonly store: BookmarkStore
  /** How long an answer may take. */
  readonly timeoutMs: number
  readonly tell: (event: StoreEvent) => void
}

/** What could not be put yet. */
interface Unsaved {
  readonly bookmark: string
  readonly until: number
}

/** So long what could not be put is tried again. */
const KEEP_MS = 60_000
const BACKOFF = { first: 100, longest: 2_000 }
/** Garbage is told so often at most. */
const GARBAGE_MS = 60_000
const MOST_UNSAVED = 10_000
/** So long the end of a pool waits for what could not be put. */
const END_MS = 1_000

/** Asks a store for no longer than it may take, and never fails. */
export class ResilientStore {
  readonly #options: ResilientStoreOptions
  readonly #unsaved = new Map<string, Unsaved>()
  readonly #putting = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #problem: StoreEvent | undefined
  #garbageToldAt = Number.NEGATIVE_INFINITY
  /** Until then something that could not be put would be tried again, if there had been room for it. */
  #forgetfulUntil = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(options: ResilientStoreOptions) {
    this.#options = options
  }

  /** What is wrong with it; `undefined`: nothing was at the last answer. */
  get problem(): string | undefined {
    return this.#problem?.message
  }

  /** How many keys have a bookmark that could not be put yet. */
  get unsaved(): number {
    return this.#unsaved.size
  }

  /** What a session of this key begins with; not known if the store does not tell. */
  async get(key: string): Promise<string | undefined> {
    // It may be put after the store has looked, and before that has answered.
    const unsaved = this.#unsavedOf(key)
    const kept = await this.#kept(key)
    return mergeBookmarks([kept, unsaved, this.#unsavedOf(key)])
  }

  async #kept(key: string): Promise<string | undefined> {
    let kept: unknown
    try {
      kept = await this.#within((signal) => this.#options.store.get(key, signal))
    } catch (error) {
      this.#failed(error)
      return UNKNOWN_BOOKMARK
    }
    if (kept !== undefined && kept !== null && kept !== UNKNOWN_BOOKMARK && !isBookmark(kept)) {
      this.#tellGarbage()
      return UNKNOWN_BOOKMARK
    }
    this.#works()
    return typeof kept === 'string' ? kept : undefined
  }

  #unsavedOf(key: string): string | undefined {
    return performance.now() < this.#forgetfulUntil ? UNKNOWN_BOOKMARK : this.#unsaved.get(key)?.bookmark
  }

  /** Resolves when it is kept, or could not be in time; then it is tried again by and by. */
  async put(key: string, bookmark: string): Promise<void> {
    const putting = this.#put(key, bookmark)
    this.#putting.add(putting)
    await putting.finally(() => this.#putting.delete(putting))
  }

  async #put(key: string, bookmark: string): Promise<void> {
    const unsaved = this.#unsaved.get(key)
    const merged = mergeBookmarks([bookmark, unsaved?.bookmark]) ?? bookmark
    try {
      await this.#within((signal) => this.#options.store.put(key, merged, signal))
    } catch (error) {
      this.#remember(key, merged)
      return this.#failed(error)
    }
    if (this.#unsaved.get(key) === unsaved) this.#unsaved.delete(key)
    this.#works()
  }

  /** Tries what could not be put for the last time. */
  async end(): Promise<void> {
    await Promise.all(this.#putting)
    this.stop()
    await this.#putAll(performance.now() + END_MS)
  }

  /** Nothing is tried again from now on. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #within<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options
    const over = new AbortController()
    const timer = startStallAwareTimer(timeoutMs, () => over.abort(new SilentError(timeoutMs)))
    try {
      // What a store throws at once counts as what it rejects with.
      return await unlessAborted((async () => ask(over.signal))(), over.signal)
    } finally {
      timer.stop()
    }
  }

  #remember(key: string, bookmark: string): void {
    if (this.#stopped) return
    const until = performance.now() + KEEP_MS
    if (this.#unsaved.size >= MOST_UNSAVED && !this.#unsaved.has(key)) {
      this.#forgetfulUntil = until
      return
    }
    // Another one of this key may have failed meanwhile.
    const merged = mergeBookmarks([bookmark, this.#unsaved.get(key)?.bookmark]) ?? bookmark
    this.#unsaved.set(key, { bookmark: merged, until })
    this.#again()
  }

  #again(): void {
    if (this.#timer !== undefined || this.#stopped) return
    this.#failures++
    this.#timer = setTimeout(() => void this.#putAll(), backoffMs(BACKOFF, this.#failures, Math.random))
    this.#timer.unref()
  }

  /** One after the other, and no further than the first that fails. */
  async #putAll(end = Number.POSITIVE_INFINITY): Promise<void> {
    for (const [key, unsaved] of this.#unsaved) {
      const { bookmark, until } = unsaved
      const now = performance.now()
      if (now >= end) break
      if (until <= now) {
        this.#unsaved.delete(key)
        continue
      }
      try {
        // oxlint-disable-next-line no-await-in-loop -- the store may have come back only just now
        await this.#within((signal) => this.#options.store.put(key, bookmark, signal))
      } catch (error) {
        this.#failed(error)
        // It may be this one alone that cannot be kept, so that the next time others are first.
        if (this.#unsaved.get(key) === unsaved && this.#unsaved.delete(key)) this.#unsaved.set(key, unsaved)
        break
      }
      if (this.#unsaved.get(key)?.bookmark === bookmark) this.#unsaved.delete(key)
      this.#works()
    }
    this.#timer = undefined
    if (this.#unsaved.size > 0) this.#again()
    else this.#failures = 0
  }

  #failed(error: unknown): void {
    const { timeoutMs } = this.#options
    if (instanceOf(error, SilentError)) {
      const what = `The bookmark store has not answered within ${timeoutMs} ms, so sessions ask the primary`
      return this.#tell(
        'NEAREST_STORE_SILENT',
        `${what}: is it up, and near? "bookmarkStoreTimeoutMs" says how long it may take.`,
      )
    }
    const cause = withoutSecrets(error)
    this.#tell(
      'NEAREST_STORE_FAILED',
      `The bookmark store has failed, so sessions ask the primary: ${messageOf(cause)}`,
      cause,
    )
  }

  /** Of other keys it may tell well, so that this is no state of the store. */
  #tellGarbage(): void {
    const now = performance.now()
    if (now - this.#garbageToldAt < GARBAGE_MS) return
    this.#garbageToldAt = now
    const message =
      'The bookmark store holds something that is no bookmark, so that session asks the primary: what else writes there?'
    this.#options.tell({ available: true, code: 'NEAREST_STORE_GARBAGE', message })
  }

  /** Once, until it is another problem, or none. */
  #tell(code: NonNullable<StoreEvent['code']>, message: string, cause?: unknown): void {
    const isNews = this.#problem?.code !== code
    const event: StoreEvent = { available: false, code, message, cause }
    this.#problem = event
    if (isNews) this.#options.tell(event)
  }

  #works(): void {
    if (this.#problem === undefined) return
    this.#problem = undefined
    this.#options.tell({ available: true, code: undefined, message: 'The bookmark store answers again.' })
  }
}
