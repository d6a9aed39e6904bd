import type pg from 'pg'
import type { Lease } from '../pooled-connection/lease.ts'
import { ROLE, tellsStandby } from '../send/ask-role.ts'
import { SNAPSHOT } from '../send/read-only-enforcement.ts'
import type { StallAwareTimer } from '../limits/stall-aware-timeout.ts'
import { positionQuestion, type PositionQuestions, type PositionReply } from '../session-positions/position-question.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import { GroupExchange } from '../exchange/group-exchange.ts'
import { StatementExchange } from '../exchange/statement-exchange.ts'

interface Options {
  readonly questions: PositionQuestions | undefined
  /** It was taken for the primary, and may not be one: see `FreshnessCheck.mayBeMisled`. */
  readonly asksRole: boolean
  /** Keeps later statements from making the transaction READ WRITE. */
  readonly guarded: boolean
  /** Their last, a COMMIT, is skipped behind one that could not be sent. */
  readonly skipsCommit: boolean
}

/** @param isMisled - it has run on a standby, as that has told when asked for its role. */
type OnEnds = (ends: readonly StatementEnd[], isMisled: boolean) => void

/**
 * Sends a BEGIN and the statements behind it as one group, in one round trip; one by one if the connection cannot pipeline. Calls
 * back with one end for each when all have been answered.
 */
export function sendBeginGroup(
  lease: Lease,
  configs: readonly pg.QueryConfig[],
  { questions, asksRole, guarded, skipsCommit }: Options,
  onEnds: OnEnds,
): void {
  const ask = (ends: readonly StatementEnd[]): void => {
    if (questions?.after !== true || !lease.alive) return onEnds(ends, false)
    lease.send(
      ...positionQuestion(lease, questions, (reply) => {
        questions.answerAfter = reply
        onEnds(ends, false)
      }),
    )
  }
  const [begin, ...rest] = configs as [pg.QueryConfig, ...pg.QueryConfig[]]
  const inTurn = (left: readonly pg.QueryConfig[], ends: readonly StatementEnd[]): void =>
    sendInTurn(lease, left, ends, skipsCommit, ask)
  const role = asksRole ? [ROLE] : []
  if (!lease.pipelines) {
    if (!asksRole) return inTurn(configs, [])
    const began = ([begun, told]: readonly StatementEnd[]): void => {
      const isMisled = tellsStandby(told)
      if (!isMisled && begun?.kind === 'result') inTurn(rest, [begun])
      else onEnds([begun as StatementEnd, ...rest.map(() => SKIPPED)], isMisled)
    }
    return lease.send(new GroupExchange([begin, ...role], lease.client, began))
  }
  const ahead = [...role, ...(guarded ? [{ text: SNAPSHOT }] : [])]
  let ends: readonly StatementEnd[] | undefined
  let isMisled = false
  let swallowed: StallAwareTimer | undefined
  const land = (): void => {
    swallowed?.stop()
    const heard = ends
    if (heard === undefined) return
    // The question may be answered behind it once more.
    ends = undefined
    if (isMisled) return onEnds(heard, true)
    const unsendable = heard.findIndex(({ kind }) => kind === 'unsendable')
    const isBegun = heard[0]?.kind === 'result'
    // With pg, statements behind one that could not be encoded still run.
    if (isBegun && unsendable >= 0 && unsendable < heard.length - 1) {
      return inTurn(configs.slice(unsendable + 1), heard.slice(0, unsendable + 1))
    }
    onEnds(heard, false)
  }
  const group: GroupExchange = new GroupExchange([begin, ...ahead, ...rest], lease.client, (all) => {
    isMisled = asksRole && tellsStandby(all[1])
    ends = [all[0] as StatementEnd, ...all.slice(1 + ahead.length)]
    if (questions?.after === true && !group.unsendable) swallowed = lease.awaitPosition()
    else land()
  })
  if (questions?.after !== true) return lease.send(group)
  const { inside, introduction } = questions
  const answered = (reply: PositionReply): void => {
    questions.answerAfter = reply
    land()
  }
  lease.send(group, ...positionQuestion(lease, { inside, introduction, about: [group] }, answered))
}

/**
 * Sends one after the other until one fails; the rest is skipped, because the transaction has failed, or, where the first one was BEGIN, because there
 * is none.
 */
function sendInTurn(
  lease: Lease,
  left: readonly pg.QueryConfig[],
  ends: readonly StatementEnd[],
  skipsCommit: boolean,
  onEnds: (ends: readonly StatementEnd[]) => void,
): void {
  const [next, ...others] = left
  if (next === undefined) return onEnds(ends)
  const isLast = others.length === 0
  if (isLast && skipsCommit && ends.some(({ kind }) => kind === 'unsendable')) return onEnds([...ends, SKIPPED])
  lease.send(
    new StatementExchange(next, lease.client, (end) => {
      const isBegin = ends.length === 0
      if (end.kind === 'result' || (end.kind === 'unsendable' && !isBegin)) {
        return sendInTurn(lease, others, [...ends, end], skipsCommit, onEnds)
      }
      onEnds([...ends, end, ...others.map(() => SKIPPED)])
    }),
  )
}

const SKIPPED: StatementEnd = { kind: 'skipped' }
