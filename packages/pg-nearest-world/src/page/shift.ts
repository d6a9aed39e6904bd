/** What goes on while somebody looks, and for a while after that. */
export interface Shift {
  /** Begins, or goes on. */
  begin(): void
  /** Nobody looks any more: ends it after a while, unless it is begun again. */
  endLater(): void
  /** Resolves when it has ended. */
  end(): Promise<void>
}

export interface ShiftOptions {
  readonly afterMs: number
  /** Returns what ends it. */
  readonly work: () => () => Promise<void>
  /** Whether it must go on although nobody looks. */
  readonly mustGoOn: () => boolean
}

export function createShift({ afterMs, work, mustGoOn }: ShiftOptions): Shift {
  let stop: (() => Promise<void>) | undefined
  let ending: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  const end = (): Promise<void> => {
    clearTimeout(timer)
    const ends = stop
    stop = undefined
    if (ends !== undefined) ending = Promise.all([ending, ends()]).then(() => undefined)
    return ending
  }
  const endLater = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      if (mustGoOn()) endLater()
      else void end()
    }, afterMs)
    timer.unref()
  }

  return {
    begin() {
      clearTimeout(timer)
      stop ??= work()
    },
    endLater,
    end,
  }
}
