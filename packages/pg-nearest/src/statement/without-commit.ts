import { factsOf } from './text-facts.ts'

/**
 * What is sent for a text in a transaction that must not be committed: ROLLBACK for what would commit it, as PostgreSQL makes of it in one that
 * has failed. `undefined`: nothing, because the text may commit it and do more.
 */
export function withoutCommit(text: string | undefined): string | undefined {
  if (typeof text !== 'string') return undefined
  const facts = factsOf(text)
  const { transaction } = facts.need
  if (transaction?.kind === 'commit') return 'rollback'
  if (transaction?.kind === 'chain') return 'rollback and chain'
  if (!facts.is('single')) return facts.is('mayControlTransaction') ? undefined : text
  // PREPARE TRANSACTION
  return transaction?.kind === 'other' ? 'rollback' : text
}
