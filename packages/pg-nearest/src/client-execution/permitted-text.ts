import type { ClientContext } from '../client-state/client-context.ts'
import { mayCommitError } from '../failures/transaction-errors.ts'
import { withoutCommit } from '../statement/without-commit.ts'

/**
 * What is sent for a text: ROLLBACK, where it would commit what must not be.
 *
 * @throws if nothing is sent for it.
 */
export function permittedText(client: ClientContext, text: string | undefined): string | undefined {
  if (!client.refusesCommit) return text
  const permitted = withoutCommit(text)
  if (permitted === undefined) throw mayCommitError()
  return permitted
}

/** @throws if something else would be sent for it. */
export function refuseCommit(client: ClientContext, text: string | undefined): void {
  if (text !== undefined && permittedText(client, text) !== text) throw mayCommitError()
}
