import pg from 'pg'
import { ask } from './enqueue.ts'
import { ignore, type QueryHandlers, type WireConnection } from './pg-internals.ts'

/** pg goes on with what is next, and tells nobody but the query itself. */
const NOTHING_OPEN = new Error('No transaction is open')

/** Rolls back what is open when all that was asked of the client before has ended. Asks the server nothing if that is nothing. */
export function rollBackLeftOpen(client: pg.Client): void {
  const query: QueryHandlers = {
    submit(connection: WireConnection) {
      if (pg.Client.prototype.getTransactionStatus.call(client) === 'I') return NOTHING_OPEN
      connection.query('ROLLBACK')
      return null
    },
    handleRowDescription: ignore,
    handleDataRow: ignore,
    handlePortalSuspended: ignore,
    handleCommandComplete: ignore,
    handleEmptyQuery: ignore,
    handleCopyInResponse: ignore,
    handleCopyData: ignore,
    handleError: ignore,
    handleReadyForQuery: ignore,
  }
  ask(client, query)
}
