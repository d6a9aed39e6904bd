import type { QueryEvent } from '../events/events.ts'
import type { ServedBy } from '../events/served-by.ts'
import type { Engine } from './engine.ts'
import type { StatementResult } from './run-statement.ts'

/** Writes on a result who gave it, and why that server. */
export function served<T extends StatementResult>(result: T, servedBy: ServedBy): T {
  if (Array.isArray(result)) for (const each of result) Object.assign(each, { servedBy })
  return Object.assign(result, { servedBy })
}

interface Serving {
  readonly result: StatementResult
  readonly servedBy: ServedBy
}

/** Runs a statement, marks its result, and tells whoever listens how it went. */
export async function observed(engine: Engine, text: string, run: () => Promise<Serving>): Promise<StatementResult> {
  const { onQuery } = engine
  const start = onQuery === undefined ? 0 : performance.now()
  const tell = (event: Pick<QueryEvent, 'servedBy' | 'error'>): void =>
    onQuery?.({ text, durationMs: performance.now() - start, ...event })
  try {
    const { result, servedBy } = await run()
    tell({ servedBy })
    return served(result, servedBy)
  } catch (error) {
    tell({ servedBy: undefined, error })
    throw withCallerStack(error)
  }
}

/** pg's errors are born at the socket: give them the stack that leads back to the caller, as pg's own pool does. */
function withCallerStack(error: unknown): unknown {
  if (error instanceof Error && 'severity' in error) Error.captureStackTrace(error)
  return error
}
