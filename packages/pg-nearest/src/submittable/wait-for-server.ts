/** How long somebody has waited for the server in one go. */
export interface Wait {
  readonly ms: number
  /** What had moved at the last look; `undefined`: it was not sent yet. */
  readonly moved: number | undefined
}

/** What is seen at a look. */
export interface Seen {
  readonly moved: number | undefined
  /** It waits for its user. */
  readonly isUsers: boolean
}

/** The wait goes on while nothing moves and it is the server's turn; that it is sent ends no wait. */
export function nextWait(wait: Wait, { moved, isUsers }: Seen, passedMs: number): Wait {
  const isStill = wait.moved === undefined || moved === wait.moved
  return { ms: isStill && !isUsers ? wait.ms + passedMs : 0, moved }
}
