import { codeOf } from '../driver-errors.ts'
import type { WireConnection } from '../wire/pg-internals.ts'
import type { PreparedStatement, PreparedStatements } from './prepared-statements.ts'

/** One use of a statement that the server keeps under a name. */
export interface PreparedUse {
  readonly name: string
  /** Writes what must precede a Bind. */
  prepare(connection: WireConnection): void
  /** It has been bound, and runs. */
  bound(): void
  /** It could not be written, or the server has answered with an error: it may not be there any more. */
  refused(error: unknown): void
}

/**
 * - `unnamed`: it was not sent, or without its name.
 * - `parsed`: sent, its text included; `reused`: without, as it had been parsed before. It has not run, and has had no effect.
 * - `bound`: it has its values, and runs.
 */
export type UseStage = 'unnamed' | 'parsed' | 'reused' | 'bound'

/** One use of a prepared statement, outside of lanes. */
export class PreparedStatementExecution implements PreparedUse {
  readonly #statements: PreparedStatements
  readonly #statement: PreparedStatement
  #stage: UseStage = 'unnamed'

  constructor(statements: PreparedStatements, statement: PreparedStatement) {
    this.#statements = statements
    this.#statement = statement
  }

  get name(): string {
    return this.#statement.name
  }

  prepare(connection: WireConnection): void {
    const { name, text } = this.#statement
    for (const leaving of this.#statements.takeLeaving()) connection.close({ type: 'S', name: leaving.name })
    this.#stage = this.#statement.parsed ? 'reused' : 'parsed'
    if (this.#statement.parsed) return
    // The server may have it, and refuses to parse it again.
    connection.close({ type: 'S', name })
    connection.parse({ text, name })
    this.#statement.parsed = true
  }

  bound(): void {
    this.#stage = 'bound'
  }

  get stage(): UseStage {
    return this.#stage
  }

  /** It has been answered, after so many milliseconds. */
  ran(ms: number): void {
    if (this.#stage === 'bound') this.#statements.ran(this.#statement, ms, performance.now())
  }

  refused(error: unknown): void {
    this.#statement.parsed = false
    if (this.#stage !== 'bound' && codeOf(error) === '26000') this.#statements.giveUp()
  }
}

/** `undefined`: it is not worth a name yet, or may not have one. */
export function useOf(statements: PreparedStatements, text: string): PreparedStatementExecution | undefined {
  const statement = statements.of(text, performance.now())
  return statement.name === '' ? undefined : new PreparedStatementExecution(statements, statement)
}
