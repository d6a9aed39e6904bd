import { steadyNow } from '../clock.ts'

export interface QuietTimerOptions {
  /** `Infinity`: never. */
  readonly afterMs: number
  // The callbacks must not throw.
  /** Nothing has used the pool for `afterMs`. */
  readonly onQuiet: () => void
  /** Something uses it again: called before that begins. */
  readonly onWake: () => void
}

/** Notices that nothing uses a pool. */
export interface QuietTimer {
  readonly quiet: boolean
  /** Something begins to use the pool, which is awake from now on. `end` must be called once when that is over. */
  begin(): void
  end(): void
  /** For good. */
  stop(): void
}

/** Looks at the clock only when the first begins and the last ends, because more is measurable on short reads. */
export function createQuietTimer({ afterMs, onQuiet, onWake }: QuietTimerOptions): QuietTimer {
  let phase: 'awake' | 'quiet' | 'stopped' = 'awake'
  let users = 0
  let unusedSince = steadyNow()
  let timer: NodeJS.Timeout | undefined

  const look = (): void => {
    const leftMs = users > 0 ? afterMs : unusedSince + afterMs - steadyNow()
    if (leftMs <= 0) return rest()
    timer = setTimeout(look, Math.ceil(leftMs))
    timer.unref()
  }
  const rest = (): void => {
    clearTimeout(timer)
    phase = 'quiet'
    onQuiet()
  }
  if (Number.isFinite(afterMs)) look()

  return {
    get quiet() {
      return phase === 'quiet'
    },
    begin() {
      const isFirst = users++ === 0
      if (!isFirst || phase === 'stopped') return
      // A process that was frozen, or a machine that slept, has missed its timer.
      if (phase === 'awake' && steadyNow() - unusedSince >= afterMs) rest()
      if (phase === 'awake') return
      phase = 'awake'
      look()
      onWake()
    },
    end() {
      users--
      if (users === 0) unusedSince = steadyNow()
    },
    stop() {
      phase = 'stopped'
      clearTimeout(timer)
    },
  }
}
