import type pg from 'pg'
import type { Lease } from '../pooled-connection/lease.ts'
import { SNAPSHOT } from '../send/read-only-enforcement.ts'
import type { StallAwareTimer } from '../limits/stall-aware-timeout.ts'
import { positionQuestion, type PositionQuestions, type PositionReply } from '../session-positions/position-question.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import { GroupExchange } from '../exchange/group-exchange.ts'
import { StatementExchange } from '../exchange/statement-exchange.ts'

interface Options {
  readonly questions: PositionQuestions | undefined
  /** Keeps later statements from making the transaction READ WRITE. */
  readonly guarded: boolean
  /** Their last, a COMMIT, is skipped behind one that could not be sent. */
  readonly skipsCommit: boolean
}

type OnEnds = (ends: readonly StatementEnd[]) => void

/**
 * Sends a BEGIN and the statements behind it as one group, in one round trip; one by one if the connection cannot pipeline. Calls
 * back with one end for each when all have been answered.
 */
export function sendBeginGroup(
  lease: Lease,
  configs: readonly pg.QueryConfig[],
  { questions, guarded, skipsCommit }: Options,
  onEnds: OnEnds,
): void {
  const ask = (ends: readonly StatementEnd[]): void => {
    if (questions?.after !== true || !lease.alive) return onEnds(ends)
    lease.send(
      ...positionQuestion(lease, questions, (reply) => {
        questions.answerAfter = reply
        onEnds(ends)
      }),
    )
  }
  const [begin, ...rest] = configs as [pg.QueryConfig, ...pg.QueryConfig[]]
  const inTurn = (left: readonly pg.QueryConfig[], ends: readonly StatementEnd[]): void =>
    sendInTurn(lease, left, ends, skipsCommit, ask)
  if (!lease.pipelines) return inTurn(configs, [])
  const sent = guarded ? [begin, { text: SNAPSHOT }, ...rest] : configs
  let ends: readonly StatementEnd[] | undefined
  let swallowed: StallAwareTimer | undefined
  const land = (): void => {
    swallowed?.stop()
    if (ends === undefined) return
    const unsendable = ends.findIndex(({ kind }) => kind === 'unsendable')
    // With pg, statements behind one that could not be encoded still run.
    if (unsendable >= 0 && unsendable < ends.length - 1) {
      return inTurn(configs.slice(unsendable + 1), ends.slice(0, unsendable + 1))
    }
    onEnds(ends)
  }
  const group: GroupExchange = new GroupExchange(sent, lease.client, (all) => {
    ends = guarded ? withoutGuard(all) : all
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

/** Sends one after the other until one fails; the rest is skipped, because the transaction has failed. */
function sendInTurn(
  lease: Lease,
  left: readonly pg.QueryConfig[],
  ends: readonly StatementEnd[],
  skipsCommit: boolean,
  onEnds: OnEnds,
): void {
  const [next, ...others] = left
  if (next === undefined) return onEnds(ends)
  const isLast = others.length === 0
  if (isLast && skipsCommit && ends.some(({ kind }) => kind === 'unsendable')) return onEnds([...ends, SKIPPED])
  lease.send(
    new StatementExchange(next, lease.client, (end) => {
      if (end.kind === 'result' || end.kind === 'unsendable') {
        return sendInTurn(lease, others, [...ends, end], skipsCommit, onEnds)
      }
      onEnds([...ends, end, ...others.map(() => SKIPPED)])
    }),
  )
}

const SKIPPED: StatementEnd = { kind: 'skipped' }

function withoutGuard([begun, , ...rest]: readonly StatementEnd[]): readonly StatementEnd[] {
  return [begun as StatementEnd, ...rest]
}
