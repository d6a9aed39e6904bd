import { expect, test } from 'vitest'
import { MessageDispatcher } from '../../src/wire/message-dispatcher.ts'
import { commandComplete, errorResponse, noticeResponse, READY, rowDescription } from './wire-messages.ts'

/** What a tap passes on to pg, and whether it has failed, if somebody reads the first message only, or nobody any. */
function tapped(chunks: readonly Buffer[], readsFirst = true): { passed: string; failed: boolean } {
  let [hasRead, failed] = [!readsFirst, false]
  const passed: Buffer[] = []
  const reader = { read: () => (hasRead = true) }
  const tap = new MessageDispatcher(
    (chunk) => passed.push(chunk),
    () => (hasRead ? undefined : reader),
    () => (failed = true),
  )
  for (const chunk of chunks) tap.take(chunk)
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

test('what only looks like an error, in the middle of a message, is passed on as it comes', () => {
  const [row, rest] = [Buffer.from('D\0\0\0\x14\0\x01\0\0\0\x0a', 'latin1'), Buffer.from('EEEEEEEEEE')]
  expect(tapped([READY, row, rest, READY], false)).toEqual({
    passed: Buffer.concat([READY, row, rest, READY]).toString('latin1'),
    failed: false,
  })
})
