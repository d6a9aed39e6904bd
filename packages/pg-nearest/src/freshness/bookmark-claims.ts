/**
 * The claims of sessions that began with a bookmark from outside which nobody here knows. However many are open at once, one of them
 * may go to the primary by itself, and the others share one question to it and hold no connection meanwhile.
 */
export interface BookmarkClaims {
  /** Whether this one may go by itself; then `leave` must be called once it has ended. */
  enter(): boolean
  leave(): void
  /** Resolves when the primary has answered a question that was asked after this call, or could not be asked. */
  asked(primary: string): Promise<void>
}

/** @param ask - asks a server where it is, now: those who call before the question is sent share it. */
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
        () => undefined,
        () => undefined,
      ),
  }
}
