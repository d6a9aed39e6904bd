import { codeOf } from '../driver-errors.ts'
import type { PreparedUse } from '../exchange/prepared-use.ts'
import type { WireConnection } from '../wire/pg-internals.ts'
import type { PreparedStatement, PreparedStatements } from './prepared-statements.ts'

/** One use of a prepared statement, outside of lanes. */
export class StatementUse implements PreparedUse {
  readonly #statements: PreparedStatements
  readonly #statement: PreparedStatement
  #isReused = false
  #isBound = false

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
    this.#isReused = this.#statement.parsed
    if (this.#isReused) return
    // The server may have it, and refuses to parse it again.
    connection.close({ type: 'S', name })
    connection.parse({ text, name })
    this.#statement.parsed = true
  }

  bound(): void {
    this.#isBound = true
  }

  /** It has not begun to run, so that it cannot have had an effect. */
  get isUnbound(): boolean {
    return !this.#isBound
  }

  /** What was parsed for an earlier use was to be bound once more. */
  get isReused(): boolean {
    return this.#isReused
  }

  /** It has been answered, after so many milliseconds. */
  ran(ms: number): void {
    this.#statements.ran(this.#statement, ms, performance.now())
  }

  refused(error: unknown): void {
    this.#statement.parsed = false
    if (this.isUnbound && codeOf(error) === '26000') this.#statements.giveUp()
  }
}

/** `undefined`: it is not worth a name yet, or may not have one. */
export function useOf(statements: PreparedStatements, text: string): StatementUse | undefined {
  const statement = statements.of(text, performance.now())
  return statement.name === '' ? undefined : new StatementUse(statements, statement)
}
