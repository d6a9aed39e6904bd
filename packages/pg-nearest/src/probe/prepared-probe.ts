import type pg from 'pg'
import { preparedQuestion, preparingQuestion, probeQuestion, type RefusedItems } from './probe-question.ts'

/**
 * How the probe's question is put on one connection. What it was answered once, by the connection's own process, it is asked under a name from
 * then on, which the server need not parse and plan each time. Behind a pooler no name is left; and where a connection has not answered what was asked
 * under a name, something in between may not let it pass, so that the next one is asked without.
 */
export class PreparedProbe {
  #on: pg.Client | undefined
  /** The questions that are there under a name. */
  readonly #named = new Set<string>()
  #latest: { readonly text: string; readonly isNamed: boolean } = { text: '', isNamed: false }
  /** The question that was answered without a name. */
  #answered: string | undefined
  #isUnfit = false
  #isAwaited = false

  textFor(client: pg.Client, refused: RefusedItems): string {
    if (client !== this.#on) this.#begin(client)
    const plain = probeQuestion(refused)
    const isNamed = !this.#isUnfit && (this.#named.has(plain) || this.#answered === plain)
    this.#latest = { text: plain, isNamed }
    this.#isAwaited = true
    if (!isNamed) return plain
    return this.#named.has(plain) ? preparedQuestion(refused) : preparingQuestion(refused)
  }

  /** @param direct - its connection's own process has answered. */
  answered(direct: boolean): void {
    const { text, isNamed } = this.#latest
    this.#isAwaited = false
    this.#answered = direct ? text : undefined
    if (isNamed) this.#named.add(text)
    if (!direct) this.#isUnfit = true
  }

  /** The server has refused it. Returns whether it was asked under a name: then it is asked without one, from now on. */
  refused(): boolean {
    const { isNamed } = this.#latest
    this.#isAwaited = false
    if (isNamed) this.#isUnfit = true
    return isNamed
  }

  #begin(client: pg.Client): void {
    this.#on = client
    this.#named.clear()
    this.#answered = undefined
    this.#isUnfit = this.#isAwaited && (this.#latest.isNamed || this.#isUnfit)
  }
}
