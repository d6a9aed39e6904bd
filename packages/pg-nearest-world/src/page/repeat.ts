/** Runs it again and again, never twice at once. Returns what ends it, and resolves when it has ended. */
export function repeat(ms: number, work: () => void | Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= Promise.resolve(work()).finally(() => (running = undefined))
  }, ms)
  return async () => {
    clearInterval(timer)
    await running
  }
}
