/** What goes on while somebody looks, and for a while after that. */
export interface Shift {
  /** Begins, as soon as what came before has ended, or goes on. Resolves when it does. */
  begin(): Promise<void>
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
  let wanted = false
  let stop: (() => Promise<void>) | undefined
  let ended: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  const end = (): Promise<void> => {
    clearTimeout(timer)
    wanted = false
    const ends = stop
    stop = undefined
    if (ends !== undefined) ended = ends()
    return ended
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
      wanted = true
      return ended.then(() => {
        if (wanted) stop ??= work()
      })
    },
    endLater,
    end,
  }
}
