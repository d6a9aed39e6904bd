import type pg from 'pg'
import { showStatement } from '../tracers/run-patched-query.ts'
import type { StatementEnd } from '../wire/exchange.ts'

/** A statement on its way, as tracers have seen it. */
export interface ShownExchange {
  readonly text: string
  readonly refusal: Error | undefined
  readonly ended: (end: StatementEnd) => void
}

/** `undefined` if no tracer wants to know of it. */
export function showExchange(client: pg.Client, config: pg.QueryConfig): ShownExchange | undefined {
  const shown = showStatement(client, config)
  if (shown === undefined) return undefined
  const { text, refusal } = shown
  const ended = (end: StatementEnd): void => {
    if (end.kind === 'result') shown.ended(undefined, end.result)
    else shown.ended(end.kind === 'skipped' ? new Error('The statement was skipped') : end.error)
  }
  return { text, refusal, ended }
}
