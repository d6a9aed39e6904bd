/**
 * Coordinates sessions whose bookmark came from outside and is ahead of what this process knows. At any time one read of such a
 * session may go to the primary; the others share one question to the primary, and hold no connection while they wait.
 */
export interface BookmarkClaims {
  /** Whether this read may go to the primary; if so, `leave` must be called when it has ended. */
  enter(): boolean
  leave(): void
  /** Asks the primary for its position, in a question sent after this call. Resolves to whether it answered. */
  asked(primary: string): Promise<boolean>
}

/** @param ask - asks a server for its position. Callers share a question until it has been sent. */
export function createBookmarkClaims(ask: (server: string) => Promise<unknown>): BookmarkClaims {
  let taken = false
  return {
    enter() {
      if (taken) return false
      return (taken = true)
    },
    leave() {
      taken = false
    },
    asked: (primary) =>
      ask(primary).then(
        (answer) => answer !== undefined,
        () => false,
      ),
  }
}
