import type pg from 'pg'
import type { Lease } from '../connections/lease.ts'
import { SNAPSHOT } from '../execute/read-only-enforcement.ts'
import { positionQuestion, type PositionQuestions } from '../freshness/position-question.ts'
import { setsIsolation } from '../statement/text-predicates.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import { GroupExchange } from '../wire/group-exchange.ts'
import { StatementExchange } from '../wire/statement-exchange.ts'

interface Options {
  readonly questions: PositionQuestions | undefined
  /** The transaction must not be made READ WRITE by what comes behind its BEGIN. */
  readonly guarded: boolean
}

type OnEnds = (ends: readonly StatementEnd[]) => void

/**
 * Sends a BEGIN and the statements behind it as one group, in one round trip; where that cannot be, one by one. Calls back once all
 * is answered, with one end for each.
 */
export function runTogether(
  lease: Lease,
  configs: readonly pg.QueryConfig[],
  { questions, guarded }: Options,
  onEnds: OnEnds,
): void {
  const ask = (ends: readonly StatementEnd[]): void => {
    if (questions?.behind !== true || !lease.alive) return onEnds(ends)
    lease.send(
      positionQuestion(lease, questions.stranger, (answer) => {
        questions.answerBehind = answer
        onEnds(ends)
      }),
    )
  }
  const [begin, ...rest] = configs as [pg.QueryConfig, ...pg.QueryConfig[]]
  if (!lease.pipelines) return inTurn(lease, configs, [], ask)
  const guards = guarded && !(rest[0] !== undefined && setsIsolation(rest[0].text))
  const sent = guards ? [begin, { text: SNAPSHOT }, ...rest] : configs
  let ends: readonly StatementEnd[] | undefined
  let swallowed: NodeJS.Timeout | undefined
  const land = (): void => {
    clearTimeout(swallowed)
    if (ends === undefined) return
    const unsendable = ends.findIndex(({ kind }) => kind === 'unsendable')
    // The server goes on behind what could not be sent: so do we.
    if (unsendable >= 0 && unsendable < ends.length - 1) {
      return inTurn(lease, configs.slice(unsendable + 1), ends.slice(0, unsendable + 1), ask)
    }
    onEnds(ends)
  }
  const group = new GroupExchange(sent, undefined, lease.client, (all) => {
    ends = guards ? withoutGuard(all) : all
    if (questions?.behind === true) swallowed = setTimeout(() => lease.refusePipelining(), SWALLOWED_MS)
    else land()
  })
  if (questions?.behind !== true) return lease.send(group)
  const question = positionQuestion(lease, questions.stranger, (answer) => {
    questions.answerBehind = answer
    land()
  })
  lease.send(group, question)
}

/** A position takes no time to tell: where none comes, something in between has swallowed the question. */
const SWALLOWED_MS = 2_000

/** One by one, until the server refuses one: the transaction has failed then, and the rest is skipped. */
function inTurn(lease: Lease, left: readonly pg.QueryConfig[], ends: readonly StatementEnd[], onEnds: OnEnds): void {
  const [next, ...others] = left
  if (next === undefined) return onEnds(ends)
  lease.send(
    new StatementExchange(next, lease.client, (end) => {
      if (end.kind === 'result' || end.kind === 'unsendable') return inTurn(lease, others, [...ends, end], onEnds)
      onEnds([...ends, end, ...others.map((): StatementEnd => ({ kind: 'skipped' }))])
    }),
  )
}

function withoutGuard([begun, , ...rest]: readonly StatementEnd[]): readonly StatementEnd[] {
  return [begun as StatementEnd, ...rest]
}
