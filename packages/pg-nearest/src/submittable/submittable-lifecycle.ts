/**
 * What the user of a cursor, a stream, a COPY or a pg.Query has been told of it.
 *
 * - `untold`: nothing, so that what fails can be taken back. Cursors only.
 * - `open`: all that has come.
 * - `taken-back`: nothing. It has failed here, and is as it was before it was sent.
 * - `dying`: not yet of a FATAL, because what that means shows only with the end of its connection: a pooler may tell of its own trouble so, and go on.
 * - `overdue`: not yet that its limit is over. It is being cancelled, and its user told when it has ended; `overdue-unless-done`: unless it is done
 *   all the same.
 * - `over`: how it has ended, so that what still comes is for nobody.
 */
export type SubmittableState = 'untold' | 'open' | 'taken-back' | 'dying' | 'overdue' | 'overdue-unless-done' | 'over'

/**
 * What ends it, other than its server and its connection.
 *
 * - `refused`: the server has refused what it needs ahead of it.
 * - `limit`: its limit is over, and its user is told at once; `limit-once-ended` and `limit-unless-done`: see `overdue`.
 */
export type EarlyEnd = 'refused' | 'limit' | 'limit-once-ended' | 'limit-unless-done'

/**
 * What happens to it.
 *
 * - `turn`: it is to be sent.
 * - `news`: something has come that its user sees.
 * - `page`: a page has ended, behind which its server waits for it.
 * - `error`, `fatal`: an ErrorResponse; `fatal`: with which the connection should end.
 * - `ready`: ReadyForQuery.
 * - `lost`: the connection died.
 */
export type SubmittableSignal = EarlyEnd | 'turn' | 'news' | 'page' | 'error' | 'fatal' | 'ready' | 'lost'

/**
 * What is done about it.
 *
 * - `pass`: it goes on to its user; a `turn`: to its server.
 * - `tell`: its user is told the server's error; `tell-limit`: that its limit is over; `tell-loss`: what became of it with its connection.
 * - `take-back`: it is made as it was before it was sent.
 */
export type SubmittableAct = 'pass' | 'tell' | 'tell-limit' | 'tell-loss' | 'take-back' | 'none'

type Step = readonly [SubmittableState, SubmittableAct]
type Row = Readonly<Record<SubmittableSignal, Step>>

const OPEN: Row = {
  turn: ['open', 'pass'],
  refused: ['open', 'none'],
  news: ['open', 'pass'],
  page: ['open', 'pass'],
  error: ['over', 'tell'],
  fatal: ['dying', 'none'],
  limit: ['over', 'tell-limit'],
  'limit-once-ended': ['overdue', 'none'],
  'limit-unless-done': ['overdue-unless-done', 'none'],
  ready: ['over', 'pass'],
  lost: ['over', 'tell-loss'],
}

const TAKE_BACK: Step = ['taken-back', 'take-back']
const TELL_LIMIT: Step = ['over', 'tell-limit']
const TELL_LOSS: Step = ['over', 'tell-loss']
const OVERDUE = { turn: TELL_LIMIT, page: TELL_LIMIT, error: TELL_LIMIT, fatal: TELL_LIMIT, lost: TELL_LOSS }

const steps: Readonly<Record<SubmittableState, Row>> = {
  untold: {
    ...OPEN,
    turn: ['untold', 'pass'],
    refused: TAKE_BACK,
    error: TAKE_BACK,
    fatal: TAKE_BACK,
    lost: TAKE_BACK,
  },
  open: OPEN,
  'taken-back': nothingIn('taken-back'),
  dying: { ...nothingIn('dying'), ready: ['over', 'tell'], lost: TELL_LOSS },
  overdue: { ...nothingIn('overdue'), ...OVERDUE, news: ['overdue', 'pass'], ready: TELL_LIMIT },
  'overdue-unless-done': {
    ...nothingIn('overdue-unless-done'),
    ...OVERDUE,
    news: ['overdue-unless-done', 'pass'],
    ready: ['over', 'pass'],
  },
  over: nothingIn('over'),
}

function nothingIn(state: SubmittableState): Row {
  return Object.fromEntries(Object.keys(OPEN).map((signal) => [signal, [state, 'none']])) as unknown as Row
}

export function nextSubmittableStep(state: SubmittableState, signal: SubmittableSignal): Step {
  return steps[state][signal]
}
