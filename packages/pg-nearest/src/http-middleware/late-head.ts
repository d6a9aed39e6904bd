import type { ServerResponse } from 'node:http'
import type { ResponseHeaders } from '../http-session/http-session.ts'
import type { Around } from './middleware-types.ts'
import { headersOf, isClosed, override, type Header, type NodeResponse } from './node-response-helpers.ts'

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

/**
 * Stores of sessions begin to save when a response ends, make its head, and write all but its last byte meanwhile. So what is written before
 * the end waits until the next turn of the event loop, and until what is being written in the session by then is; and what the client needs
 * to know of it is added to the head that is already made. HTTP/2 has no such head.
 */
export function delayHead(response: NodeResponse, around: Around): LateHead {
  if (around.whenWritten === undefined || 'stream' in response) return NOT_LATE
  const whenWritten = around.whenWritten.bind(around)
  const write = (response.write as Call).bind(response)
  const end = (response.end as Call).bind(response)
  const flushHeaders = response.flushHeaders.bind(response)
  let isLast = false
  let head: { readonly status: number; readonly appended: readonly Header[] } | undefined
  let held: unknown[][] | undefined
  let isSent = false

  const flush = (): void => {
    const calls = held ?? []
    held = undefined
    if (isSent) return
    isLast = isSent = true
    const isOver = isClosed(response)
    if (head !== undefined && !isOver) complete(response, around.headerWriter(head.status), head.appended)
    // Of a client that has left, too: Node calls each back with an error.
    for (const args of calls) write(...args)
    if (calls.length > 0 && !isOver) response.emit('drain')
  }
  const flushWhenWritten = (): void => {
    const late = setTimeout(flush, LATEST_MS)
    whenWritten(() => {
      clearTimeout(late)
      flush()
    })
  }
  override(response, 'write', (...args: unknown[]) => {
    if (isSent) return write(...args)
    if (held === undefined) {
      held = []
      setImmediate(flushWhenWritten)
    }
    held.push(args)
    return false
  })
  override(response, 'end', (...args: unknown[]) => {
    if (held !== undefined || head !== undefined) flush()
    isLast = isSent = true
    return end(...args)
  })
  override(response, 'flushHeaders', () => {
    if (head !== undefined) flush()
    isLast = isSent = true
    flushHeaders()
  })
  return {
    get isLast() {
      return isLast
    },
    made(status, appended) {
      if (!isLast) head = { status, appended }
    },
  }
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
