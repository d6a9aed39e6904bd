/** Throws it where nobody catches it, so that what is under way goes on. */
export function raiseLater(error: unknown): void {
  process.nextTick(raise, error)
}

function raise(error: unknown): never {
  throw error
}
