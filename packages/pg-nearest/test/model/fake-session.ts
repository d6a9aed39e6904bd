import { randomInt } from 'node:crypto'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FakeServer } from './fake-server.ts'
import * as say from '../protocol/messages.ts'

let pids = 1

/** Every connection that was made before now has this one, or a lower one. */
export function lastPid(): number {
  return pids - 1
}

/**
 * One connection of the fake server's. What a text does:
 *
 * - `begin`, `commit`, `rollback`: what they say. Empty: nothing.
 * - `fail …`: an error. `die …`: a FATAL one, and the end.
 * - `sleep <ms> …`: an answer after this time. `hang …`: none, unless it is cancelled.
 * - `cut …`: the socket is cut. `half …`: half of an answer, and nothing more, ever.
 * - anything else: one row with the text.
 */
export class FakeSession {
  readonly pid = pids++
  readonly key: number = randomInt(2 ** 31)
  status: 'I' | 'T' | 'E' = 'I'
  /** ReadyForQuery that it owes: for each Sync and each Query that has arrived. */
  owed = 0
  /** It has said something that nobody asked for: who has asked for something else may take it for his answer. */
  disturbed = false
  readonly #server: FakeServer
  readonly #socket: Socket
  readonly #read = say.createReader('client')
  readonly #texts = new Map<string, string>()
  readonly #inbox: say.Message[] = []
  #portal = ''
  #reading = false
  #skipping = false
  #closed = false
  #stuck = false
  #interrupt: (() => void) | undefined

  constructor(server: FakeServer, socket: Socket) {
    this.#server = server
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (data) => this.#arrived(data))
    socket.on('close', () => {
      this.#closed = true
      this.#interrupt?.()
      server.sessions.delete(this)
    })
  }

  cut(): void {
    this.#socket.destroy()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** What nobody has asked for. */
  interject(what: 'row' | 'notice' | 'fatal' | 'error'): void {
    if (what === 'row' || what === 'error') this.disturbed = true
    if (what === 'row') this.#send(say.row('nobody asked'))
    if (what === 'notice') this.#send(say.notice('hello'))
    if (what === 'error') this.#send(say.errorResponse('ERROR', 'XX000', 'unasked'))
    if (what === 'fatal') this.#fatal('57P01')
  }

  cancel(): void {
    this.#interrupt?.()
  }

  #fatal(code: string): void {
    this.#socket.end(say.errorResponse('FATAL', code, 'it ends'))
  }

  #send(...messages: Buffer[]): void {
    if (!this.#closed && !this.#stuck && this.#socket.writable) this.#socket.write(Buffer.concat(messages))
  }

  #arrived(data: Buffer): void {
    for (const message of this.#read(data)) {
      if (message.type === 'S' || message.type === 'Q') this.owed++
      this.#inbox.push(message)
    }
    if (!this.#reading) void this.#work()
  }

  async #work(): Promise<void> {
    this.#reading = true
    for (let message = this.#inbox.shift(); message !== undefined; message = this.#inbox.shift()) {
      const { awake, delayMs } = this.#server
      if (awake !== undefined) await awake
      if (delayMs > 0) await sleep(delayMs)
      if (this.#closed) return
      await this.#answer(message)
    }
    this.#reading = false
  }

  async #answer({ type, body }: say.Message): Promise<void> {
    if (type === undefined) return this.#begin(body)
    if (type === 'X') return void this.#socket.end()
    if (type === 'S') return this.#ready()
    if (type === 'Q') {
      const [text = ''] = say.strings(body, 1)
      await this.#run(text, true)
      return this.#ready()
    }
    if (this.#skipping) return
    const [first = '', second = ''] = say.strings(body, 2)
    switch (type) {
      case 'P':
        this.#texts.set(first, second)
        return this.#send(say.parsed())
      case 'B':
        this.#portal = this.#texts.get(second) ?? ''
        return this.#send(say.bound())
      case 'D':
        return this.#send(isControl(this.#portal) ? say.noData() : say.description())
      case 'E':
        return this.#run(this.#portal, false)
      case 'C':
        return this.#send(say.closed())
    }
  }

  async #begin(body: Buffer): Promise<void> {
    if (body.readInt32BE(0) === say.CANCEL_REQUEST) {
      this.#server.cancel(body.readInt32BE(4), body.readInt32BE(8))
      return void this.#socket.end()
    }
    if (this.#server.greeting === 'silence') return
    if (this.#server.greeting === 'no-slot') {
      this.#server.refused++
      return this.#fatal('53300')
    }
    this.#server.sessions.add(this)
    const known = [say.parameter('in_hot_standby', 'off'), say.keyData(this.pid, this.key)]
    this.#send(say.authenticated(), ...known, say.ready('I'))
  }

  #ready(): void {
    this.#skipping = false
    if (this.#closed || this.#stuck) return
    this.owed--
    this.#send(say.ready(this.status))
  }

  async #run(text: string, describes: boolean): Promise<void> {
    this.#server.ran.add(text)
    const [word = '', more] = text.split(' ')
    if (text === '') return this.#send(say.emptyQuery())
    if (isControl(text)) return this.#control(word)
    switch (word) {
      case 'fail':
        return this.#fail('22012', 'it failed')
      case 'die':
        return this.#fatal('57P01')
      case 'cut':
        return this.cut()
      case 'half': {
        const answer = say.row(text)
        this.#send(say.description(), answer.subarray(0, answer.length / 2))
        this.#stuck = true
        return
      }
      case 'sleep':
      case 'hang': {
        const cancelled = await this.#interrupted(word === 'sleep' ? Number(more) : undefined)
        if (cancelled) return this.#fail('57014', 'cancelled')
      }
    }
    if (this.status === 'E') return this.#fail('25P02', 'the transaction has failed')
    this.#send(...(describes ? [say.description()] : []), say.row(text), say.complete('SELECT 1'))
  }

  #control(word: string): void {
    if (word === 'begin' && this.status === 'I') this.status = 'T'
    else if (word !== 'begin') this.status = 'I'
    this.#send(say.complete(word.toUpperCase()))
  }

  #fail(code: string, text: string): void {
    this.#skipping = true
    if (this.status === 'T') this.status = 'E'
    this.#send(say.errorResponse('ERROR', code, text))
  }

  /** Whether it was, before the time was over. */
  #interrupted(ms: number | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (was: boolean): void => {
        clearTimeout(timer)
        this.#interrupt = undefined
        resolve(was)
      }
      const timer = ms === undefined ? undefined : setTimeout(() => done(false), ms)
      this.#interrupt = () => done(true)
    })
  }
}

function isControl(text: string): boolean {
  return text === 'begin' || text === 'commit' || text === 'rollback'
}
