import type { Preference } from '../checkout/connection-preference.ts'
import type { KnownPosition, KnownPositions } from '../positions/known-positions.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'

/**
 * Of the machines behind a name: those that are known to show a position, otherwise those that are furthest on the way there. `undefined`
 * if all are equal. One that has not told for a while may be there, too: only those that were found behind a moment ago are left out.
 */
export function freshestMachines(
  { positions }: { readonly positions: KnownPositions },
  server: string,
  required: Bookmark,
  now: number,
): Preference | undefined {
  const all = [...positions.all(server)]
  const that = (showing: 'yes' | 'no'): KnownPosition[] =>
    all.filter((known) => shows(known, required, positions) === showing)
  const sure = that('yes')
  const best = sure.length > 0 ? sure : furthestOf(that('no'))
  if (best.length === 0 || best.length === all.length) return undefined
  const isVain = (known: KnownPosition): boolean =>
    best.includes(known) ||
    shows(known, required, positions) !== 'no' ||
    (known.machine !== undefined && positions.isFoundBehind(server, known.machine, now))
  return {
    suits: (machine) => best.some((known) => known.machine === machine),
    insists: sure.length > 0 && all.every(isVain),
  }
}

function furthestOf(behind: readonly KnownPosition[]): readonly KnownPosition[] {
  let most = -1n
  for (const { lsn } of behind) if (lsn > most) most = lsn
  return behind.filter(({ lsn }) => lsn === most)
}
