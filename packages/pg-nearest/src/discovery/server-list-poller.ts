import { AsyncResource } from 'node:async_hooks'

/** Keeps the list of servers up to date by calling a function again and again. */
export interface ServerListPoller {
  /** Polls at once, and then again and again. */
  start(): void
  /** Until `start`. */
  pause(): void
  /** A server went down, so the list may have changed: polls within 250 ms. */
  pollSoon(): void
  stop(): void
}

export interface ServerListPollerOptions<List> {
  /** Returns the current list. */
  readonly source: () => List | undefined | Promise<List | undefined>
  readonly intervalMs: number
  /** The milliseconds that a list itself gives. */
  readonly intervalOf?: ((list: List) => number | undefined) | undefined
  readonly onList: (list: List) => void
  /** `source` failed, or returned nothing. The list stays as it was. */
  readonly onProblem: (problem: unknown) => void
}

/** How long to wait after a server went down, because others often follow. */
const AFTER_TROUBLE_MS = 250

/** Whatever a list says. */
const LEAST_MS = 100

/** How long `source` may take. */
const PATIENCE_MS = 10_000

export function createServerListPoller<List>({
  source,
  intervalMs,
  intervalOf = () => undefined,
  onList,
  onProblem,
}: ServerListPollerOptions<List>): ServerListPoller {
  let timer: NodeJS.Timeout | undefined
  /** When the timer is due; wishes that come again and again must not put it off. */
  let dueAt = Number.POSITIVE_INFINITY
  // Whoever wakes a pool that was quiet is in a request, which has nothing to do with what is asked from then on.
  const askOutside = AsyncResource.bind(source)
  let asking = false
  /** After a problem, too: as after the last list. */
  let waitMs = intervalMs
  /** What was wished for while it was being asked, whose answer may be of before. */
  let wishedMs = Number.POSITIVE_INFINITY
  let phase: 'paused' | 'running' | 'stopped' = 'paused'
  const isStopped = (): boolean => phase === 'stopped'

  const clear = (): void => {
    clearTimeout(timer)
    dueAt = Number.POSITIVE_INFINITY
  }

  const askWithin = (ms: number): void => {
    if (phase !== 'running') return
    if (asking) return void (wishedMs = Math.min(wishedMs, ms))
    const at = performance.now() + ms
    if (at >= dueAt) return
    clear()
    dueAt = at
    timer = setTimeout(() => void ask(), ms)
    timer.unref()
  }

  const ask = async (): Promise<void> => {
    asking = true
    clear()
    try {
      const list = await soon(askOutside)
      if (isStopped()) return
      if (list === undefined || list === null) throw new Error('it named no server')
      waitMs = Math.max(LEAST_MS, intervalOf(list) ?? intervalMs)
      onList(list)
    } catch (error) {
      if (!isStopped()) onProblem(error)
    } finally {
      asking = false
      const nextMs = Math.min(waitMs, wishedMs)
      wishedMs = Number.POSITIVE_INFINITY
      askWithin(nextMs)
    }
  }

  return {
    start() {
      if (isStopped()) return
      phase = 'running'
      askWithin(0)
    },
    pause() {
      if (isStopped()) return
      phase = 'paused'
      clear()
    },
    pollSoon: () => askWithin(Math.min(AFTER_TROUBLE_MS, waitMs)),
    stop() {
      phase = 'stopped'
      clear()
    },
  }
}

async function soon<T>(source: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not answer within ${PATIENCE_MS} ms`)), PATIENCE_MS)
    timer.unref()
  })
  try {
    return await Promise.race([source(), late])
  } finally {
    clearTimeout(timer)
  }
}
