import pg from 'pg'
import type { Lease } from '../../src/pooled-connection/lease.ts'
import type { Exchange, StatementEnd } from '../../src/wire/exchange.ts'
import { SubmittableExchange } from '../../src/submittable/submittable-exchange.ts'
import { QuestionedStatementExchange } from '../../src/exchange/questioned-statement-exchange.ts'
import { GroupExchange } from '../../src/exchange/group-exchange.ts'
import { internalsOf } from '../../src/wire/pg-internals.ts'
import { InternalQueryExchange } from '../../src/exchange/internal-query-exchange.ts'
import { StatementExchange } from '../../src/exchange/statement-exchange.ts'
import type { FakeServer } from './fake-server.ts'
import type { FakeSession } from './fake-session.ts'

export type Way = 'simple' | 'extended' | 'named' | 'group' | 'questioned' | 'question' | 'foreign'

/** A cancelled connection is fit again, or closed, after a second. */
const FENCE_MS = 3_000
const DYING_MS = 500

interface Sent {
  readonly text: string
  readonly way: Way
  /** It was sent before a cancel was over. */
  cancelled: boolean
  ended: number
}

let numbers = 0

export function processIdOf({ client }: Lease): number {
  return internalsOf(client).processID ?? -1
}

/** A connection that was lent, what was sent on it, and how that ended. */
export class Holding {
  readonly lease: Lease
  readonly pid: number
  released = false
  readonly #server: FakeServer
  readonly #session: FakeSession | undefined
  readonly #violated: (what: string) => void
  readonly #sent: Sent[] = []
  #fencing = 0
  #fencedSince = 0
  #deadSince: number | undefined

  constructor(lease: Lease, server: FakeServer, violated: (what: string) => void) {
    this.lease = lease
    this.pid = processIdOf(lease)
    this.#server = server
    this.#session = server.byPid(this.pid)
    this.#violated = violated
  }

  send(what: string, way: Way): void {
    const text = ['begin', 'commit', 'rollback', ''].includes(what) ? what : `${what} ${++numbers}`
    // To pg a name without a text means what was prepared by that name.
    const sent: Sent = {
      text,
      way: text === '' && way === 'named' ? 'simple' : way,
      cancelled: this.#fencing > 0,
      ended: 0,
    }
    this.#sent.push(sent)
    this.lease.send(this.#exchange(sent))
  }

  #exchange(sent: Sent): Exchange {
    const client = this.lease.client as unknown as pg.Client
    const { text, way } = sent
    const onEnd = (end: StatementEnd): void => this.#ended(sent, end)
    switch (way) {
      case 'simple':
        return new StatementExchange({ text }, client, onEnd)
      case 'extended':
        return new StatementExchange({ text, queryMode: 'extended' } as pg.QueryConfig, client, onEnd)
      case 'named':
        return new StatementExchange({ text, name: `named ${numbers % 3}` }, client, onEnd)
      case 'group':
        return new GroupExchange([{ text: 'first' }, { text }], client, ([, end]) => onEnd(end as StatementEnd))
      case 'questioned': {
        const exchange = new QuestionedStatementExchange({ text }, 'question', client, (end: StatementEnd): void => {
          onEnd(end)
          const told = exchange.answer?.[0]
          // In a transaction that has failed the question is refused.
          if (end.kind === 'result' && told !== 'question' && exchange.refusal === undefined)
            this.#violated(`a question was answered with ${String(told)}`)
        })
        return exchange
      }
      case 'question':
        return new InternalQueryExchange(text, (fields) => {
          const told = fields?.[0] ?? undefined
          if (told !== undefined && told !== text && this.#session?.disturbed !== true) {
            this.#violated(`"${text}" was answered with ${told}`)
          }
          sent.ended++
        })
      case 'foreign':
        return new SubmittableExchange(
          new pg.Query({ text }, () => undefined),
          client,
          { onEnd: () => void sent.ended++, onDestroyed: () => undefined, lossError: (cause) => cause },
          { types: undefined, isGivenUp: () => false },
        )
    }
  }

  #ended(sent: Sent, end: StatementEnd): void {
    sent.ended++
    const { text } = sent
    if (this.#session?.disturbed === true && ['result', 'answered', 'unreadable'].includes(end.kind)) return
    const [word = ''] = text.split(' ')
    switch (end.kind) {
      case 'result': {
        const { rows } = end.result as pg.QueryResult<{ text: string }>
        const told = rows[0]?.text
        if (told !== undefined && told !== text) this.#violated(`"${text}" was answered with "${told}"`)
        if (told === undefined && !['begin', 'commit', 'rollback', ''].includes(text))
          this.#violated(`"${text}" has no row`)
        if (['fail', 'die', 'cut', 'half'].includes(word)) this.#violated(`"${text}" has a result`)
        return
      }
      case 'answered': {
        const { code } = end.error as { code?: string }
        if (word === 'fail' ? code !== '22012' && code !== '25P02' : code !== '57014' && code !== '25P02') {
          this.#violated(`"${text}" was answered with ${String(end.error)}`)
        }
        if (code === '57014' && !sent.cancelled) this.#violated(`"${text}" was hit by a cancel of something else`)
        return
      }
      case 'unsent':
        if (text.includes(' ') && this.#server.ran.has(text)) this.#violated(`"${text}" was not sent, and ran`)
        return
      case 'unreadable':
        this.#violated(`"${text}" could not be read: ${String(end.error)}`)
        return
      case 'unsendable':
        if (sent.way !== 'named') this.#violated(`"${text}" could not be sent: ${String(end.error)}`)
        return
      case 'lost':
      case 'skipped':
    }
  }

  /** What is in flight may be cancelled from now on. */
  expectCancel(): void {
    for (const sent of this.#sent) if (sent.ended === 0) sent.cancelled = true
  }

  cancel(): void {
    this.expectCancel()
    const meant = this.#sent.filter(({ ended }) => ended === 0)
    if (this.#fencing++ === 0) this.#fencedSince = performance.now()
    void this.lease.cancel().then(
      () => {
        this.#fencing--
        if (this.lease.alive && meant.some(({ ended }) => ended === 0)) {
          this.#violated('a cancel is over, and what it was for is not')
        }
      },
      (error: unknown) => this.#violated(`a cancel was rejected with ${String(error)}`),
    )
  }

  release(error: boolean): void {
    this.released = true
    this.lease.release(error)
    // Once more does nothing.
    this.lease.release()
  }

  check(): void {
    for (const { text, ended } of this.#sent) if (ended > 1) this.#violated(`"${text}" ended ${ended} times`)
    const open = this.#sent.filter(({ ended }) => ended === 0).length
    if (
      !this.released &&
      this.lease.alive &&
      this.lease.quiet !== (open === 0 && this.#fencing === 0) &&
      this.#fencing === 0
    ) {
      this.#violated(`${open} are in flight, and the connection says quiet: ${this.lease.quiet}`)
    }
    if (this.lease.alive || open === 0) this.#deadSince = undefined
    else this.#deadSince ??= performance.now()
    // Its socket takes a moment to close.
    if (performance.now() - (this.#deadSince ?? Infinity) > DYING_MS) {
      this.#violated(`a connection is dead, and ${open} on it have not ended`)
    }
    if (this.#fencing > 0 && performance.now() - this.#fencedSince > FENCE_MS) this.#violated('a cancel takes for ever')
  }

  checkEnd(): void {
    for (const { text, ended } of this.#sent) if (ended !== 1) this.#violated(`"${text}" ended ${ended} times`)
  }
}
