/** Counts statements and borrowed clients in flight, so that the pool's end can wait for them. */
export interface DrainCounter {
  /** Something begins. `end` must be called once when it is over. */
  begin(): void
  end(): void
  /** Something has begun at least once. */
  readonly used: boolean
  /** Resolves when nothing is in flight any more. */
  over(): Promise<void>
}

/** @param each - is told of each of them, too. */
export function createDrainCounter(each: Pick<DrainCounter, 'begin' | 'end'>): DrainCounter {
  const waiting: (() => void)[] = []
  let count = 0
  let used = false
  return {
    begin() {
      count++
      used = true
      each.begin()
    },
    end() {
      count--
      each.end()
      if (count === 0) for (const resolve of waiting.splice(0)) resolve()
    },
    get used() {
      return used
    },
    over: () => (count === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  }
}
