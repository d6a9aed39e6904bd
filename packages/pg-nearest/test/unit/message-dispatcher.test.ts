import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageDispatcher } from '../../src/message-framing/message-dispatcher.ts'
import { commandComplete, errorResponse, noticeResponse, READY, rowDescription } from './wire-messages.ts'

/** What is passed on to pg, and whether it has failed, if somebody reads the first message only, or nobody any. */
function tapped(chunks: readonly Buffer[], readsFirst = true): { passed: string; failed: boolean } {
  let [hasRead, failed] = [!readsFirst, false]
  const passed: Buffer[] = []
  const reader = { read: () => (hasRead = true) }
  const fail = (): boolean => (failed = true)
  const dispatcher = new MessageDispatcher((bytes) => passed.push(bytes), fail)
  dispatcher.serve(() => (hasRead ? undefined : reader), fail)
  for (const chunk of chunks) dispatcher.take(chunk)
  return { passed: Buffer.concat(passed).toString('latin1'), failed }
}

function typed(type: string, message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), message.subarray(1)])
}

const BEHIND: readonly Buffer[] = [
  errorResponse('57P01', 'terminating connection'),
  noticeResponse('hello'),
  rowDescription([{ name: 'a', type: 23 }]),
  commandComplete('SELECT 1'),
]
/** Of pg's parser, the first two of them never end. */
const MALFORMED: readonly Buffer[] = ['E', 'N', 'T'].map((type) => typed(type, commandComplete('SELECT 1')))

test.each(BEHIND.map((message) => [message.toString('latin1'), message]))(
  'what comes behind a read is left to pg: %j',
  (text, message) => {
    expect(tapped([Buffer.concat([READY, message, READY])])).toEqual({
      passed: text + READY.toString('latin1'),
      failed: false,
    })
  },
)

test.each(MALFORMED.map((message) => [message.toString('latin1'), message]))(
  'what pg would read for ever is not, behind a read, either: %j',
  (_, message) => {
    expect(tapped([Buffer.concat([READY, message, READY])])).toEqual({ passed: '', failed: true })
  },
)

test.each(MALFORMED.slice(0, 2).map((message) => [message.toString('latin1'), message]))(
  'nor is it where nobody has asked anything: %j',
  (_, message) => {
    expect(tapped([READY, message], false)).toEqual({ passed: READY.toString('latin1'), failed: true })
  },
)

describe('what nobody but pg reads', () => {
  const anyMessage = fc.oneof(
    fc.constantFrom(...BEHIND, READY, noticeResponse('x'.repeat(300))),
    fc.string({ unit: 'binary-ascii', maxLength: 40 }).map((text) => typed('D', commandComplete(text))),
  )
  const anyCuts = fc.array(fc.nat(), { maxLength: 6 })

  test('goes to it as it comes', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 8 }), anyCuts, (messages, cuts) => {
        const bytes = Buffer.concat(messages)
        expect(tapped(cutAt(bytes, cuts), false)).toEqual({ passed: bytes.toString('latin1'), failed: false })
      }),
    )
  })

  test.each(MALFORMED.map((message) => [message.toString('latin1'), message]))(
    'ends the connection where pg would read it for ever, whatever is around it: %j',
    (_, message) => {
      fc.assert(
        fc.property(fc.array(anyMessage, { maxLength: 8 }), anyCuts, (messages, cuts) => {
          const ahead = Buffer.concat(messages)
          expect(tapped(cutAt(Buffer.concat([ahead, message, READY]), cuts), false)).toEqual({
            passed: ahead.toString('latin1'),
            failed: true,
          })
        }),
      )
    },
  )

  test.each<[string, Buffer, boolean]>([
    ['an error without fields', Buffer.from('E\0\0\0\x08\0\0\0\0', 'latin1'), false],
    ['an error whose last field does not end', Buffer.from('E\0\0\0\x0bSFA\0Mno', 'latin1'), true],
    ['no length', Buffer.from('S\0\0\0\0', 'latin1'), true],
    ['a length below its own', Buffer.from('S\0\0\0\x03', 'latin1'), true],
  ])('%s: ends the connection: %s', (_, message, failed) => {
    expect(tapped([message, READY], false).failed).toBe(failed)
  })
})

/** These bytes in pieces. */
function cutAt(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return places
    .slice(1)
    .map((end, i) => bytes.subarray(places[i], end))
    .filter(({ length }) => length > 0)
}

test('rows that look like the end of an answer and an error are passed on as they come', () => {
  // A text that ends with Z, and one of five characters that begins with IE.
  const row = Buffer.from('D\0\0\0\x14\0\x02\0\0\0\x01Z\0\0\0\x05IEaaa', 'latin1')
  const cut = row.indexOf('E')
  expect(tapped([READY, row.subarray(0, cut), row.subarray(cut), READY], false)).toEqual({
    passed: Buffer.concat([READY, row, READY]).toString('latin1'),
    failed: false,
  })
})

test('what only looks like an error, in the middle of a message, is passed on as it comes', () => {
  const [row, rest] = [Buffer.from('D\0\0\0\x14\0\x01\0\0\0\x0a', 'latin1'), Buffer.from('EEEEEEEEEE')]
  expect(tapped([READY, row, rest, READY], false)).toEqual({
    passed: Buffer.concat([READY, row, rest, READY]).toString('latin1'),
    failed: false,
  })
})

describe('what pg’s parser cannot read ends the connection once, and nothing behind it is read', () => {
  const tooLong = Object.assign(new Error('Cannot create a string longer than'), { code: 'ERR_STRING_TOO_LONG' })
  const nonsense = new Error('Unknown authenticationOk message type')
  const row = typed('D', commandComplete('SELECT 1'))
  const [malformed = row] = MALFORMED

  /** The errors, and the bytes that pg gets with the failing ones. */
  function failing(thrown: unknown, chunks: readonly Buffer[]): { passed: number; errors: unknown[] } {
    const errors: unknown[] = []
    let passed = 0
    const fail = (error: unknown): void => void errors.push(error)
    const pass = (): void => {
      passed++
      throw thrown
    }
    const dispatcher = new MessageDispatcher(pass, fail)
    for (const chunk of chunks) dispatcher.take(chunk)
    return { passed, errors }
  }

  test.each<[string, readonly Buffer[]]>([
    ['whole messages', [row, READY]],
    ['more behind a ReadyForQuery', [Buffer.concat([READY, row, READY])]],
    ['a message in pieces', [row.subarray(0, 7), row.subarray(7), READY]],
    ['a malformed one behind it', [Buffer.concat([row, malformed]), READY]],
  ])('%s', (_, chunks) => {
    expect(failing(nonsense, chunks)).toEqual({ passed: 1, errors: [nonsense] })
  })

  test.each<[string, Error]>([
    ['Node', tooLong],
    ['V8', new RangeError('Invalid string length')],
  ])('a value that is too long for a string, by %s, is told as that', (_, thrown) => {
    const { errors } = failing(thrown, [row, READY])
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ code: 'NEAREST_VALUE_TOO_LONG', cause: thrown })
    expect(String(errors[0])).toContain('too long for a JavaScript string')
  })

  test('so it is for one that reads its messages itself', () => {
    const errors: unknown[] = []
    const fail = (error: unknown): void => void errors.push(error)
    const dispatcher = new MessageDispatcher(() => undefined, fail)
    const read = (): never => {
      throw tooLong
    }
    dispatcher.serve(() => ({ read }), fail)
    dispatcher.take(Buffer.concat([row, READY]))
    expect(errors).toEqual([expect.objectContaining({ code: 'NEAREST_VALUE_TOO_LONG', cause: tooLong })])
  })
})
