/** Throws it where nobody catches it, so that what is under way goes on. */
export function raiseLater(error: unknown): void {
  process.nextTick(raise, error)
}

/** Runs code of the user's, whose own mistake keeps nothing that is under way from going on. */
export function runUsers(code: () => void): void {
  try {
    code()
  } catch (error) {
    raiseLater(error)
  }
}

function raise(error: unknown): never {
  throw error
}
