import { classify, statementsOf } from '../classification/classify.ts'
import { tokenize } from '../classification/tokenizer.ts'
import { UsageError } from './usage-error.ts'

/**
 * What is to be said of a query before it runs thousands of times.
 *
 * @throws UsageError for one that asks nothing
 */
export function remarkOnQuery(query: string): string | undefined {
  if (statementsOf(tokenize(query).tokens).every((statement) => statement.length === 0))
    throw new UsageError("--query has no statement in it. Such as: --query 'select 1'")
  const need = classify(query).class
  if (need === 'read' || need === 'server-bound') return undefined
  return '--query is more than a read, as far as its text tells: what it changes is changed again by every run, and replicas refuse it.'
}
