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

/** How it was made sure that the answer shows what it must. */
export function proofWords(reason: string, role: string | undefined, sessions: boolean): string {
  if (role === 'primary') return 'It is the primary, and nobody has anything newer.'
  if (reason === 'unproven') return 'None: no server that could prove it was in reach.'
  if (!sessions) return 'None: sessions are off, so it shows whatever this server had.'
  if (reason === 'transaction')
    return 'Its transaction began on a server that had all that its session has written and seen.'
  if (!READS_ELSEWHERE.has(reason)) return 'None was needed.'
  return 'The server has replayed all that its session has written and seen: it said so beside this statement, or before.'
}
