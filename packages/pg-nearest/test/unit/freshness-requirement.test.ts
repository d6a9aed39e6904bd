import { expect, test } from 'vitest'
import { createKnownPositions, type KnownPositions } from '../../src/positions/known-positions.ts'
import type { FreshnessContext } from '../../src/session-positions/freshness-context.ts'
import { expectedOfPrimary } from '../../src/session-positions/freshness-requirement.ts'
import { certainBookmark } from '../../src/session/bookmark.ts'
import { SessionState } from '../../src/session/session-state.ts'

const A = '1 10.0.0.1 5432'
const A_AGAIN = '70 10.0.0.1 5432'
const B = '2 10.0.0.2 5432'

const at = (timeline: number, lsn: bigint) => certainBookmark({ systemIdentifier: '7', timeline, lsn })

/** A process has written at its usual server, without asking how far that had got: at `writer`, which was machine A, the primary. */
function writtenAtHome(isTold = true): { positions: KnownPositions; session: SessionState } {
  const positions = createKnownPositions()
  if (isTold) note(positions, 'writer', A, 'primary', 100n, 1)
  const session = new SessionState()
  session.useHome('writer', A, positions.epochOf('writer'), 50)
  return { positions, session }
}

function note(
  positions: KnownPositions,
  server: string,
  machine: string,
  role: 'primary' | 'standby',
  lsn: bigint,
  when: number,
): void {
  positions.note(server, { machine, lsn, at: when, standby: role === 'standby', timeline: 1, systemIdentifier: '7' })
}

const BEYOND = at(1, 101n)

test.each<[what: string, happens: (positions: KnownPositions) => void]>([
  ['its connections were lost', (positions) => positions.noteLoss('writer')],
  [
    'it has come back as a standby, and was lost again',
    (positions) => {
      positions.noteLoss('writer')
      positions.noteMove('writer')
      note(positions, 'writer', A_AGAIN, 'standby', 90n, 60)
      positions.noteLoss('writer')
    },
  ],
  [
    'it has left the list',
    (positions) => {
      positions.noteLoss('writer')
      positions.forget('writer')
    },
  ],
  ['its name leads to the promoted machine', (positions) => positions.noteMove('writer')],
])('what was written at home is expected of the next primary: %s', (_, happens) => {
  const { positions, session } = writtenAtHome()
  happens(positions)
  const context = { positions } as FreshnessContext
  expect(expectedOfPrimary(context, session, undefined, at(2, 500n))).toEqual(BEYOND)
  expect(expectedOfPrimary(context, session, at(1, 300n), at(2, 500n))).toEqual(at(1, 300n))
})

test.each<[what: string, answered: ReturnType<typeof at>, isTold: boolean]>([
  ['of the same one, which has restarted', at(1, 90n), true],
  ['of the same one, by whatever name', at(1, 100n), true],
  ['where it has never told its position', at(2, 500n), false],
])('nothing is expected %s', (_, answered, isTold) => {
  const { positions, session } = writtenAtHome(isTold)
  positions.noteLoss('writer')
  if (isTold) note(positions, 'writer', A_AGAIN, 'primary', 90n, 60)
  note(positions, 'other', B, 'standby', 80n, 60)
  expect(expectedOfPrimary({ positions } as FreshnessContext, session, undefined, answered)).toBeUndefined()
})
