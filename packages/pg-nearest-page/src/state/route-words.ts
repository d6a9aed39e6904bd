/** Why a statement ran where it ran, in a sentence, for each reason that the pool gives. */
export const REASONS: Readonly<Record<string, string>> = {
  'own-region': 'The server of the app’s own region: next door.',
  nearest: 'The nearest by measured time, because the app’s own region has no server that works.',
  'no-replica': 'The primary, because no replica could be used.',
  asked: 'The caller named this server.',
  write: 'It writes, and only the primary takes writes.',
  session: 'It needs the primary: what it does would mean nothing on a replica.',
  'server-bound': 'A replica would have answered with what is true of itself, so the primary did.',
  mode: 'The primary, because of the mode that the pool is in.',
  'learned-write': 'A replica has refused this text before, so it goes to the primary at once.',
  transaction: 'It is part of a transaction, and stays where that began.',
  pinned: 'Its client needs one connection.',
  'own-write': 'Its client has written before, on this connection.',
  strong: 'The caller wanted the primary’s answer.',
  lagging: 'A nearer server was not sure to show what this session has written or seen, so this one was asked.',
  unproven: 'The nearest server, because there is no primary now and nothing could be proven.',
  hedged: 'Another server was slow, so this one was asked, too, and answered first.',
  'schema-lag': 'The primary, because a replica lacked what a migration has just made.',
  retry: 'Another server was tried first and could not run it. A read has no effect, so it ran here instead.',
}

export function reasonWords(reason: string): string {
  return REASONS[reason] ?? reason
}

const READS_ELSEWHERE: ReadonlySet<string> = new Set(['own-region', 'nearest', 'lagging', 'retry', 'hedged'])

/** Why its answer is not older than it may be, for somebody who does not know how replication works. */
export function proofWords(reason: string, role: string | undefined, sessions: boolean): string {
  if (role === 'primary')
    return 'Every change is made on the primary first, so no server could have had a newer answer.'
  if (reason === 'unproven')
    return 'None. No primary could be reached, so this may be older than what was shown before; the app is told so.'
  if (!sessions)
    return 'None. Sessions are off, so it is whatever this server had, even if a change made a moment ago is missing.'
  if (reason === 'transaction')
    return 'When the transaction began, this server already had every change that the session had made or seen.'
  if (!READS_ELSEWHERE.has(reason)) return 'None was needed.'
  return 'Together with the answer, or just before it, this server reported how far it has copied the primary’s changes: past the last one that the session had made or seen. So none of them is missing.'
}
