/** Rejects when a promise has not settled in time, so that one that hangs is a failure which says what hung. */
export async function settled<T>(promise: Promise<T>, what: string, withinMs = 5_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} had not settled after ${withinMs} ms`)), withinMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What a promise rejects with. Fails if it fulfils, or does not settle in time. */
export async function rejectionOf(promise: Promise<unknown>, what: string, withinMs?: number): Promise<unknown> {
  const outcome = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  const ended = await settled(outcome, what, withinMs)
  if ('error' in ended) return ended.error
  throw new Error(`${what} was expected to fail, and fulfilled`)
}
