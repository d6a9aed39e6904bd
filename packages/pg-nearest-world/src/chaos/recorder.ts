import { isOptionError, isOutcomeUnknownError, type Served } from 'pg-nearest'
import type pg from 'pg'
import type { Operation } from './operation.ts'

export type Answer = Served<pg.QueryResult<{ id: number; version: number }>>

/** Who asks, and how. */
export type Asking = Pick<Operation, 'session' | 'from' | 'by'>

/** Writes a history down as it happens. */
export class Recorder {
  readonly history: Operation[] = []
  /** One message for each code of an error. */
  readonly messages: Map<string, string> = new Map()
  #last = 0

  /** The time in milliseconds, and never the same twice: what happened first has the smaller one. */
  now(): number {
    this.#last = Math.max(performance.now(), this.#last + 1e-4)
    return this.#last
  }

  /** @throws TypeError if it is the answer to another question. */
  answered(
    asking: Asking,
    kind: Operation['kind'],
    invokedAt: number,
    registers: readonly number[],
    { rows, servedBy }: Answer,
  ): void {
    const completedAt = this.now()
    if (
      !sameNumbers(
        rows.map(({ id }) => id),
        registers,
      )
    ) {
      throw new TypeError(`asked for ${registers.join()}, answered with ${JSON.stringify(rows)} by ${servedBy.server}`)
    }
    const { server, reason } = servedBy
    for (const { id, version } of rows) {
      this.history.push({
        ...asking,
        kind,
        register: id,
        version,
        invokedAt,
        completedAt,
        outcome: 'ok',
        servedBy: { server, reason },
      })
    }
  }

  /** @throws the error, if it is no failure of a server but a mistake of this test. */
  failed(
    asking: Asking,
    kind: Operation['kind'],
    invokedAt: number,
    registers: readonly number[],
    error: unknown,
  ): void {
    if (isMistake(error)) throw error
    const completedAt = this.now()
    const code = codeOf(error)
    if (!this.messages.has(code)) this.messages.set(code, String(error))
    const outcome = kind === 'write' && isOutcomeUnknownError(error) ? 'unknown' : 'failed'
    for (const register of registers) {
      this.history.push({ ...asking, kind, register, invokedAt, completedAt, outcome, code })
    }
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** A wrong call, a wrong option, or SQL that makes no sense. */
function isMistake(error: unknown): boolean {
  return error instanceof TypeError || isOptionError(error) || codeOf(error).startsWith('42')
}

function sameNumbers(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((each) => others.includes(each))
}
