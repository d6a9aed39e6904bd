import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runNodeMiddleware } from '../../src/http-middleware/run-node-middleware.ts'
import type { Around } from '../../src/http-middleware/middleware-types.ts'

/** What a handler does with its response, and what it hears of it; behind a session, and in plain Node. */
type Step =
  | 'write'
  | 'write nothing'
  | 'write no text'
  | 'flushHeaders'
  | 'writeHead'
  | 'setHeader'
  | 'cork'
  | 'uncork'
  | 'end'
  | 'end with more'
  | 'destroy'
  | 'close the socket'
  | 'pipe'
  | 'wait'

interface Heard extends Told {
  readonly status: string | undefined
  readonly own: boolean
  readonly body: string
}

interface Told {
  /** Of each write and end that was taken, how often it was called back. */
  readonly calls: readonly number[]
  /** Whether all were, before the response was ended for a handler that does not. */
  readonly isToldUnended: boolean
  readonly headersSent: readonly boolean[]
  readonly errors: readonly string[]
}

const CUT: ReadonlySet<Step> = new Set(['destroy', 'close the socket'])
const isCut = (steps: readonly Step[]): boolean => steps.some((step) => CUT.has(step))
const LIMIT_MS = 1_000

async function play(steps: readonly Step[], response: ServerResponse): Promise<Told> {
  const calls: number[] = []
  const errors: string[] = []
  const headersSent: boolean[] = []
  const called = (): (() => void) => {
    const at = calls.push(0) - 1
    return () => void (calls[at] = (calls[at] ?? 0) + 1)
  }
  response.on('error', () => undefined)
  for (const [i, step] of steps.entries()) {
    try {
      switch (step) {
        case 'write':
          response.write(`${i};`, called())
          break
        case 'write nothing':
          response.write('', called())
          break
        case 'write no text':
          response.write(7)
          break
        case 'flushHeaders':
        case 'cork':
        case 'uncork':
          response[step]()
          break
        case 'writeHead':
          response.writeHead(201, { 'x-own': '1' })
          break
        case 'setHeader':
          response.setHeader('x-own', '1')
          break
        case 'end':
          response.end(called())
          break
        case 'end with more':
          response.end(`${i}.`, called())
          break
        case 'destroy':
          response.destroy()
          break
        case 'close the socket':
          response.socket?.destroy()
          break
        case 'pipe': {
          const source = Readable.from(['a', 'b', 'c'])
          source.pipe(response)
          source.once('data', () => response.flushHeaders())
          // oxlint-disable-next-line no-await-in-loop -- it is the last step
          await Promise.race([once(response, 'finish'), sleep(LIMIT_MS)])
          break
        }
        case 'wait':
          // oxlint-disable-next-line no-await-in-loop -- one after the other
          for (let turns = 0; turns < 3; turns++) await turn()
      }
    } catch (error) {
      errors.push(`${i}: ${(error as { code?: string }).code}`)
    }
    headersSent.push(response.headersSent)
  }
  const isEnded = steps.some((step) => step.startsWith('end') || step === 'pipe')
  const isTold = (): boolean => calls.every((times) => times > 0)
  // What is held while it is corked waits for that, too.
  const mayWait = isEnded || isCut(steps) || steps.includes('cork')
  if (!mayWait) {
    const until = performance.now() + LIMIT_MS
    // oxlint-disable-next-line no-await-in-loop -- until it is so
    while (!isTold() && performance.now() < until) await turn()
  }
  const isToldUnended = mayWait || isTold()
  if (!isEnded) response.end()
  // What is held is called back by then.
  for (let turns = 0; turns < 20; turns++) await turn()
  return { calls, isToldUnended, headersSent, errors }
}

let behind: Around | undefined
let steps: readonly Step[] = []
let played: ReturnType<typeof play> | undefined
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  const next = (): void => {
    played = play(steps, response)
  }
  if (behind === undefined) return next()
  const around = behind
  runNodeMiddleware(() => around, request, response, { url: '/', https: false }, next)
})
beforeAll(() => new Promise<void>((listens) => server.listen(0, '127.0.0.1', listens)))
afterAll(() => new Promise((closed) => server.close(closed)))

async function hear(given: readonly Step[], around: Around | undefined): Promise<Heard> {
  behind = around
  steps = given
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  let raw = ''
  socket.on('data', (data: Buffer) => (raw += data.toString('latin1')))
  socket.on('error', () => undefined)
  const closed = new Promise((done) => socket.on('close', done))
  socket.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  while (played === undefined) await turn()
  const heard = await played
  played = undefined
  await Promise.race([closed, sleep(LIMIT_MS)])
  socket.destroy()
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  return {
    ...heard,
    status: head.split('\r\n')[0],
    own: /^x-own: 1$/m.test(head.replaceAll('\r', '')),
    body: /^transfer-encoding: chunked$/im.test(head.replaceAll('\r', '')) ? unchunked(body) : body,
  }
}

function unchunked(body: string): string {
  let text = ''
  for (let rest = body; rest !== '';) {
    const [size = '', ...more] = rest.split('\r\n')
    const length = Number.parseInt(size, 16)
    if (!(length > 0)) return `${text}${length === 0 ? '$' : ''}`
    rest = more.join('\r\n')
    text += rest.slice(0, length)
    rest = rest.slice(length + 2)
  }
  return text
}

/** A session in which nothing is being written; and one in which something is for a while. */
const SESSIONS = {
  'nothing is written': (): Around => session((callback) => callback()),
  'something is written': (): Around => session((callback) => void turn().then(turn).then(callback)),
}

function session(whenWritten: (callback: () => void) => void): Around {
  return {
    kind: 'here',
    run: (work) => work(),
    headerWriter: () => (headers) => headers.append('set-cookie', 'bookmark=1'),
    whenWritten,
    end: () => undefined,
  }
}

/** A call that is not called back. */
function missing(calls: readonly number[]): readonly number[] {
  return calls.filter((times) => times === 0)
}

/** A client that is cut off may have got less of what was held back. */
async function compare(program: readonly Step[], around: Around): Promise<void> {
  const ours = await hear(program, around)
  const theirs = await hear(program, undefined)
  if (isCut(program)) {
    expect(theirs.body.slice(0, ours.body.length)).toBe(ours.body)
    expect(['', theirs.status]).toContain(ours.status)
    // Between a socket's end and its event Node calls nobody back; and of several ends then the later ones, if the socket has taken all by then.
    for (const [i, times] of ours.calls.entries())
      expect([theirs.calls[i], ...missing(theirs.calls), 1]).toContain(times)
    const { own, body, status, calls } = theirs
    expect({ ...ours, own, body, status, calls }).toEqual(theirs)
  } else expect(ours).toEqual(theirs)
}

const PROGRAMS: readonly (readonly Step[])[] = [
  ['write', 'flushHeaders', 'write', 'end'],
  ['write', 'flushHeaders'],
  ['write', 'flushHeaders', 'wait', 'write', 'end'],
  ['writeHead', 'write', 'flushHeaders', 'write', 'end'],
  ['write', 'writeHead', 'end'],
  ['write', 'setHeader', 'end'],
  ['write', 'end with more'],
  ['cork', 'write', 'uncork', 'write', 'end'],
  ['write', 'write', 'uncork'],
  ['write', 'uncork', 'write', 'cork', 'write', 'end'],
  ['write', 'destroy'],
  ['write', 'close the socket', 'write', 'end'],
  ['write', 'write no text', 'end'],
  ['write no text', 'end'],
  ['flushHeaders', 'write', 'end with more', 'write'],
  ['pipe'],
  ['write', 'pipe'],
]

describe.each(Object.entries(SESSIONS))('behind a session in which %s', (_which, create) => {
  test.each(PROGRAMS.map((program) => ({ program })))('$program', async ({ program }) => {
    await compare(program, create())
  })

  test('whatever a handler does with its response comes as in plain Node', async () => {
    const step = fc.constantFrom<Step>(
      'write',
      'write',
      'write nothing',
      'write no text',
      'flushHeaders',
      'writeHead',
      'setHeader',
      'cork',
      'uncork',
      'end',
      'end with more',
      'destroy',
      'close the socket',
      'wait',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (program) => {
        await compare(program, create())
      }),
      { numRuns: 200, interruptAfterTimeLimit: 20_000 },
    )
  })
})
