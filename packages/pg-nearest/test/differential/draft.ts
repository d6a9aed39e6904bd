import type { Random } from 'pg-nearest-world/chaos'
import type { StatementOperation } from './operation.ts'

/** What a generator of operations may look at. */
export interface Context {
  readonly random: Random
  /** Unlike any other in the run: for names on a connection, which may outlive the client. */
  readonly unique: string
  /** As far as is known without running it. */
  readonly open: boolean
  /** Whether it should mostly read: who writes is kept from the replicas. */
  readonly reads: boolean
}

/** An operation, and what it may leave behind. */
export interface Draft {
  readonly operation: StatementOperation
  /** It is not certain to succeed, even where nothing failed before. */
  readonly mayFail?: true
  /** It begins, or ends, a transaction. */
  readonly transaction?: 'begins' | 'ends'
  /** Something stays on the connection. */
  readonly leaves?: true
}

export type Drafter = (context: Context) => Draft

export function draft(text: string, more: Omit<Draft, 'operation'> = {}): Draft {
  return { operation: { kind: 'query', text }, ...more }
}

/** Picks by weight. */
export function weighted<T>(random: Random, choices: readonly (readonly [weight: number, choice: T])[]): T {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0)
  let left = random.next() * total
  for (const [weight, choice] of choices) {
    left -= weight
    if (left < 0) return choice
  }
  throw new RangeError('There is nothing to choose from.')
}
