/** Runs it again and again, at the turns that are taken, never twice at once. Returns what ends it, and resolves when it has ended. */
export function repeat(
  ms: number,
  work: () => void | Promise<void>,
  takesTurn: () => boolean = () => true,
): () => Promise<void> {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    if (takesTurn()) running ??= Promise.resolve(work()).finally(() => (running = undefined))
  }, ms)
  return async () => {
    clearInterval(timer)
    await running
  }
}
