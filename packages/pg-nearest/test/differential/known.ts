import type { Difference } from './compare.ts'
import { messageOf } from './describe.ts'
import type { Place } from './place.ts'

/** A difference that is meant, and where it is written down. */
export interface Known {
  readonly name: string
  readonly reason: string
  /** What comes after it in a program is not judged: it may come of it. */
  readonly changesTheRest?: true
  readonly covers: (difference: Difference, place: Place) => boolean
}

/** What pg does not do: everything else that differs is a fault. */
export const KNOWN: readonly Known[] = [
  {
    name: 'servedBy',
    reason: 'a result says which server gave it (README: "servedBy")',
    covers: ({ what, pg, ours }) => what === 'extra' && String(ours) === [...(pg as string[]), 'servedBy'].join(),
  },
  {
    name: 'not on this server',
    reason: 'in a snapshot on a replica, what only the primary can answer is refused (README: NEAREST_NOT_HERE)',
    changesTheRest: true,
    covers: ({ what, pg, ours }, { bound }) =>
      what === 'outcome' &&
      bound &&
      (codeOf(ours) === 'NEAREST_NOT_HERE' || (codeOf(pg) === undefined && isRefusedByRecovery(ours))),
  },
  {
    name: 'recovery first',
    reason:
      'a read-only transaction that cannot move refuses COPY … FROM and VACUUM on its replica before that looks at what else is wrong with them (README: Limitations)',
    covers: ({ what, pg, ours }, { bound }) =>
      what === 'outcome' &&
      bound &&
      isRefusedByRecovery(ours) &&
      ((codeOf(pg) === '42P01' && messageOf(ours).includes(' COPY ')) ||
        (codeOf(pg) === '25001' && messageOf(ours).includes(' VACUUM '))),
  },
  {
    name: 'names of prepared statements',
    reason:
      'a client that is not pinned has a connection to each server, with names of its own: one name with two texts is not refused where they go to two servers (README: pool.connect)',
    changesTheRest: true,
    covers: ({ what, pg }, { renamesEmpty }) =>
      what === 'outcome' &&
      ((renamesEmpty && isEmpty(pg)) || /prepared statement(s must be unique| ")/i.test(messageOf(pg))),
  },
  {
    name: 'a notice twice',
    reason: 'a function that raises a notice and then writes raises it on the replica, too, that refuses it (docs)',
    covers: ({ what, pg, ours }) => what === 'notices' && countOf(ours) > countOf(pg),
  },
  {
    name: 'refused by a replica',
    reason: 'a replica refuses to write with the same code as a read-only transaction, and with words of its own',
    covers: ({ what, pg, ours }) => what === 'outcome' && codeOf(pg) === '25006' && codeOf(ours) === '25006',
  },
  {
    name: 'skipped behind a failure',
    reason:
      'what travels with a BEGIN is skipped behind one that fails, also where its own text is wrong (docs: Limitations)',
    covers: ({ what, pg, ours }) => what === 'outcome' && codeOf(pg) === '42601' && codeOf(ours) === '25P02',
  },
]

/** What is not looked at, with the reason. */
export const NOT_COMPARED: readonly string[] = [
  'processID of a client: it is the one of the connection that is held, and null while there is none',
  'processId of a notification: each side notifies from a connection of its own',
  'file, line and routine of an error: where in the server’s source it was raised, for the protocol may be another',
  'the numbers of tables and types that are not PostgreSQL’s own: each database has others',
  'the status right after an error: pg rejects before the server is ready again; it has a second to become right',
  'when something fails that cannot be sent (a value that throws, a name that has another text), and a stream ends: pg tells it before or after the promise ahead of it',
  'type parsers set while a statement is under way: pg looks them up when its first row comes',
  'when a BEGIN is sent: it is answered before, and its answer is the same',
]

function codeOf(outcome: unknown): string | undefined {
  return (outcome as { error?: { code?: string } }).error?.code
}

function isRefusedByRecovery(outcome: unknown): boolean {
  const message = messageOf(outcome)
  if (codeOf(outcome) === '0A000') return /(?:in a hot standby|during recovery)$/.test(message)
  return codeOf(outcome) === '25006' && message.endsWith('during recovery')
}

/** The result of an empty text. */
function isEmpty(outcome: unknown): boolean {
  const { result } = outcome as { result?: { command?: unknown } }
  return result !== undefined && result.command === null
}

function countOf(notices: unknown): number {
  return Array.isArray(notices) ? notices.length : Number(notices)
}
