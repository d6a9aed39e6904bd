import { isOfLaterTimeline, laterBookmark, shows, type Bookmark, type Forks } from './bookmark.ts'

/** A position that the primary does not have, and the primary's own. */
export interface LostPosition {
  readonly lost: Bookmark
  readonly now: Bookmark
}

/**
 * The latest position that a primary does not have: of what a statement had to show there, and behind a promotion of all that its session has
 * seen.
 */
export function latestLost(
  primary: Bookmark,
  required: Bookmark | undefined,
  seen: Bookmark | undefined,
  forks: Forks,
): Bookmark | undefined {
  const before = seen !== undefined && isOfLaterTimeline(primary, seen) ? seen : undefined
  const lost = [before, required].filter((each) => each !== undefined).filter((each) => isLostAt(primary, each, forks))
  return lost.reduce<Bookmark | undefined>(laterBookmark, undefined)
}

function isLostAt(primary: Bookmark, seen: Bookmark, forks: Forks): boolean {
  const showing = shows(primary, seen, forks)
  return showing === 'no' || showing === 'lost'
}

const NONE: readonly (() => void)[] = []

/** What is to be called for what was found lost in a session, by whichever of its statements ends first: none shows what is without it ahead of that. */
export class UntoldLosses {
  #untold = NONE

  add(tell: () => void): void {
    this.#untold = [...this.#untold, tell]
  }

  tell(): void {
    const untold = this.#untold
    if (untold.length === 0) return
    this.#untold = NONE
    for (const tell of untold) tell()
  }
}
