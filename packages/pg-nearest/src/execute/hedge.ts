import type { Hedging } from './hedging.ts'
import type { StatementResult } from './run-statement.ts'

/** One way of getting an answer. */
export interface Leg {
  /** Resolves with the answer, which is then told to whoever listens, unless it was abandoned before. */
  run(): Promise<StatementResult>
  /** Cancels it on its server; nobody hears of it any more. */
  abandon(): void
}

/**
 * Runs the first leg, and after `afterMs` the second one too, if the budget lets it. Whoever answers first counts, and the other
 * is abandoned; one that fails leaves it to the other.
 */
export async function hedge(
  hedging: Hedging,
  afterMs: number,
  first: Leg,
  second: () => Leg | undefined,
): Promise<StatementResult> {
  const running = first.run()
  running.catch(() => undefined)
  if (await endsWithin(running, afterMs)) return running
  const other = hedging.take() ? second() : undefined
  if (other === undefined) return running
  const hedged = other.run()
  hedged.catch(() => undefined)
  const winner = await Promise.any([running.then(() => first), hedged.then(() => other)]).catch(() => undefined)
  if (winner === first) other.abandon()
  if (winner === other) first.abandon()
  return winner === other ? hedged : running
}

function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms)
    const ended = (): void => {
      clearTimeout(timer)
      resolve(true)
    }
    work.then(ended, ended)
  })
}
