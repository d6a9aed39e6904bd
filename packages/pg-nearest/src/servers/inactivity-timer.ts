import { steadyNow } from '../sleep-aware-clock.ts'

export interface InactivityTimerOptions {
  /** `Infinity`: never. */
  readonly afterMs: number
  // The callbacks must not throw.
  /** Nothing has used the pool for `afterMs`. */
  readonly onQuiet: () => void
  /** Something uses it again: called before that begins. */
  readonly onWake: () => void
}

/** Notices that nothing uses a pool. */
export interface InactivityTimer {
  readonly quiet: boolean
  /** Something begins to use the pool, which is awake from now on. `end` must be called once when that is over. */
  begin(): void
  end(): void
  /** For good. */
  stop(): void
}

/** Looks at one clock when the first begins and at one when the last ends, because more is measurable on short reads. */
export function createInactivityTimer({ afterMs, onQuiet, onWake }: InactivityTimerOptions): InactivityTimer {
  let phase: 'awake' | 'quiet' | 'stopped' = 'awake'
  let users = 0
  /** By `performance.now()`. */
  let unusedSince = performance.now()
  /** When the first of those that use it now began, or used it last, by the time of day. */
  let begunAt = Date.now()
  let looked = { at: unusedSince, steady: steadyNow() }
  let timer: NodeJS.Timeout | undefined

  /** A machine's sleep counts in if there was one since the last look. */
  const unusedMs = (): number => steadyNow() - looked.steady - (unusedSince - looked.at)
  const look = (): void => {
    const leftMs = users > 0 ? afterMs : afterMs - unusedMs()
    if (leftMs <= 0) return rest()
    looked = { at: performance.now(), steady: steadyNow() }
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
      const now = Date.now()
      // Unused since one of them ended is less than since it began.
      const mayBePast = now - begunAt >= afterMs
      begunAt = now
      // A process that was frozen, or a machine that slept, has missed its timer.
      if (phase === 'awake' && mayBePast && unusedMs() >= afterMs) rest()
      if (phase === 'awake') return
      phase = 'awake'
      look()
      onWake()
    },
    end() {
      users--
      if (users === 0) unusedSince = performance.now()
    },
    stop() {
      phase = 'stopped'
      clearTimeout(timer)
    },
  }
}
