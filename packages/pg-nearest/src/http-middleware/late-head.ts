import type { ServerResponse } from 'node:http'
import type { ResponseHeaders } from '../http-session/http-session.ts'
import type { Around } from './middleware-types.ts'
import { callbackOf, headersOf, isClosed, override, type Header, type NodeResponse } from './node-response-helpers.ts'

type Call = (...args: unknown[]) => unknown

/** How long a head waits for what is being written. */
const LATEST_MS = 1_000

/** Where Node keeps a head that it has made. */
interface MadeHead {
  // oxlint-disable-next-line no-underscore-dangle -- Node's name
  _header: string | null
}

/** A head that was made before the response ends, in which what belongs to its end is missing. */
export interface LateHead {
  /** Whether a head that is made now is made by the end of the response, so that nothing comes after it. */
  readonly isLast: boolean
  /** The head is made, with this status, and is not sent before something is. What was appended to it may be out of date by then. */
  made(status: number, appended: readonly Header[]): void
}

interface Head {
  readonly status: number
  readonly appended: readonly Header[]
}

/** A call that waits for its turn. */
interface HeldCall {
  readonly name: 'write' | 'cork' | 'uncork'
  readonly args: readonly unknown[]
}

/** What has gone to Node: nothing but maybe a head, while what was written is held back; or all, from when on everything passes. */
type State = { readonly kind: 'held'; head: Head | undefined; readonly calls: HeldCall[] } | { readonly kind: 'sent' }

const SENT: State = { kind: 'sent' }

/**
 * Stores of sessions begin to save when a response ends, make its head, and write all but its last byte meanwhile. So what is written before
 * the end waits until the next turn of the event loop, and until what is being written in the session by then is; and what the client needs
 * to know of it is added to the head that is already made. HTTP/2 has no such head.
 */
export function delayHead(response: NodeResponse, around: Around): LateHead {
  if (around.whenWritten === undefined || 'stream' in response) return NOT_LATE
  const whenWritten = around.whenWritten.bind(around)
  const own = (name: 'write' | 'cork' | 'uncork' | 'end' | 'flushHeaders' | 'destroy'): Call =>
    (response[name] as Call).bind(response)
  const passOn = { write: own('write'), cork: own('cork'), uncork: own('uncork') }
  let state: State = response.headersSent ? SENT : { kind: 'held', head: undefined, calls: [] }

  /** The only way out of `held`: whatever was held goes ahead of all that follows. */
  const send = (): void => {
    if (state.kind === 'sent') return
    const { head, calls } = state
    state = SENT
    // Its response hears of it later. Until then Node calls back nobody who writes, and afterwards each with an error.
    if (response.socket?.destroyed === true && !isClosed(response)) {
      for (const { args } of calls) process.nextTick(callbackOf(args) ?? noop, destroyedError())
      return
    }
    if (head !== undefined && !isClosed(response)) complete(response, around.headerWriter(head.status), head.appended)
    let isDrained = false
    for (const { name, args } of calls) {
      const answer = passOn[name](...args)
      if (name === 'write') isDrained = answer !== false
    }
    if (isDrained) process.nextTick(() => response.writableEnded || response.emit('drain'))
  }
  const sendLater = (): void => {
    // Whoever wrote it has gone on, and cannot be told any more; thrown from here it would end the process.
    try {
      send()
    } catch (error) {
      response.destroy(error as Error)
    }
  }
  const sendWhenWritten = (): void => {
    if (state.kind === 'sent') return
    const late = setTimeout(sendLater, LATEST_MS)
    whenWritten(() => {
      clearTimeout(late)
      sendLater()
    })
  }
  override(response, 'write', (...args: unknown[]) => {
    const [chunk, encoding] = args
    // Node throws what is wrong with it at once.
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return passOn.write(...args)
    if (isClosed(response) || (typeof encoding === 'string' && !Buffer.isEncoding(encoding))) send()
    // As in Node, it is too late for another head.
    if (state.kind === 'held' && !response.headersSent) response.writeHead(response.statusCode)
    if (state.kind === 'sent') return passOn.write(...args)
    if (state.calls.push({ name: 'write', args }) === 1) setImmediate(sendWhenWritten)
    return false
  })
  for (const name of ['cork', 'uncork'] as const) {
    override(response, name, (...args: unknown[]) => {
      // Node 24 keeps back what is written behind an uncork() too many, and not what was written before.
      if (state.kind === 'held' && state.calls.length > 0) return void state.calls.push({ name, args })
      return passOn[name](...args)
    })
  }
  for (const name of ['end', 'flushHeaders', 'destroy'] as const) {
    const original = own(name)
    override(response, name, (...args: unknown[]) => {
      send()
      return original(...args)
    })
  }
  return {
    get isLast() {
      return state.kind === 'sent'
    },
    made(status, appended) {
      if (state.kind === 'held') state.head = { status, appended }
    },
  }
}

function noop(): void {}

/** As Node's. */
function destroyedError(): Error {
  return Object.assign(new Error('Cannot call write after a stream was destroyed'), { code: 'ERR_STREAM_DESTROYED' })
}

const NOT_LATE: LateHead = { isLast: true, made: () => undefined }

function complete(
  response: ServerResponse,
  write: ((headers: ResponseHeaders) => void) | undefined,
  outdated: readonly Header[],
): void {
  const head = response as unknown as MadeHead
  // oxlint-disable-next-line no-underscore-dangle -- as above
  let text = head._header
  if (text === null || write === undefined) return
  for (const line of outdated) text = withoutLine(text, line)
  const add = (name: string, value: string): void => {
    text = `${text?.slice(0, -2)}${name}: ${value}\r\n\r\n`
  }
  write({
    ...headersOf(response),
    set(name, value) {
      text = text?.replaceAll(new RegExp(`\\r\\n${name}: [^\\r]*`, 'gi'), '') ?? null
      add(name, value)
    },
    append: add,
  })
  // oxlint-disable-next-line no-underscore-dangle -- as above
  head._header = text
}

/** Names are written as whoever had set them first spelt them. */
function withoutLine(head: string, { name, value }: Header): string {
  const line = `\r\n${name}: ${value}`
  const at = head.toLowerCase().indexOf(`${line}\r\n`.toLowerCase())
  return at === -1 ? head : head.slice(0, at) + head.slice(at + line.length)
}
