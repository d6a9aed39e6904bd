/** Keeps a list up to date from where it comes. */
export interface ServerListPoller {
  start(): void
  /** A server is gone: perhaps the list has changed. */
  pollSoon(): void
  stop(): void
}

export interface ServerListPollerOptions<List> {
  /** Names the servers as they are now. */
  readonly source: () => List | undefined | Promise<List | undefined>
  readonly intervalMs: number
  readonly onList: (list: List) => void
  /** It failed, or named nobody: the list stays as it was. */
  readonly onProblem: (problem: unknown) => void
}

/** Trouble comes in crowds. */
const AFTER_TROUBLE_MS = 250

/** After so long an answer is not waited for any more. */
const PATIENCE_MS = 10_000

export function createServerListPoller<List>({ source, intervalMs, onList, onProblem }: ServerListPollerOptions<List>): ServerListPoller {
  let timer: NodeJS.Timeout | undefined
  let asking = false
  let stopped = false

  const askWithin = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => void ask(), ms)
    timer.unref()
  }

  const ask = async (): Promise<void> => {
    if (asking || stopped) return
    asking = true
    try {
      const list = await soon(source)
      if (stopped) return
      if (list === undefined || list === null) throw new Error('it named no server')
      onList(list)
    } catch (error) {
      if (!stopped) onProblem(error)
    } finally {
      asking = false
      if (!stopped) askWithin(intervalMs)
    }
  }

  return {
    start: () => askWithin(0),
    pollSoon() {
      if (!asking && !stopped) askWithin(Math.min(AFTER_TROUBLE_MS, intervalMs))
    },
    stop() {
      stopped = true
      clearTimeout(timer)
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
