import type { Progress } from '../wire/exchange.ts'

/** How long somebody has been waited for in one go. */
export interface Wait {
  readonly ms: number
  /** As of the last look; `undefined`: it was not sent yet. */
  readonly last: Progress | undefined
}

type Awaited = 'server' | 'user'

/** The wait goes on while nothing moves and it is their turn. What is not sent yet waits for its server: that it is sent, or sent again, ends no wait. */
export function nextWait({ ms, last }: Wait, awaited: Awaited, seen: Progress | undefined, passedMs: number): Wait {
  const turn: Awaited = seen?.isUsers === true ? 'user' : 'server'
  const isStill = last?.of === seen?.of ? last?.moved === seen?.moved : awaited === 'server'
  return { ms: isStill && turn === awaited ? ms + passedMs : 0, last: seen }
}

const LOOKS = 10

/** Calls back once somebody has been waited for so long in one go. Returns a function that ends the watch. */
export function limitWait(
  awaited: Awaited,
  ms: number,
  look: () => Progress | undefined,
  onOver: () => void,
): () => void {
  const lookMs = ms / LOOKS
  let wait: Wait = { ms: 0, last: look() }
  // Looks are counted, and not time: while this process was busy it could not have read, or read on.
  const timer = setInterval(() => {
    wait = nextWait(wait, awaited, look(), lookMs)
    if (wait.ms < ms) return
    clearInterval(timer)
    onOver()
  }, lookMs)
  return () => clearInterval(timer)
}
