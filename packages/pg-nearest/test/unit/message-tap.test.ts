import { expect, test } from 'vitest'
import { MessageTap } from '../../src/wire/message-tap.ts'
import { commandComplete, errorResponse, noticeResponse, READY, rowDescription } from './wire-messages.ts'

/** What a tap passes on to pg, and whether it has failed, if somebody reads the first message only. */
function tapped(bytes: Buffer): { passed: string; failed: boolean } {
  let [hasRead, failed] = [false, false]
  const passed: Buffer[] = []
  const reader = { read: () => (hasRead = true) }
  const tap = new MessageTap(
    (chunk) => passed.push(chunk),
    () => (hasRead ? undefined : reader),
    () => (failed = true),
  )
  tap.take(bytes)
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
    expect(tapped(Buffer.concat([READY, message, READY]))).toEqual({
      passed: text + READY.toString('latin1'),
      failed: false,
    })
  },
)

test.each(MALFORMED.map((message) => [message.toString('latin1'), message]))(
  'what pg would read for ever is not, behind a read, either: %j',
  (_, message) => {
    expect(tapped(Buffer.concat([READY, message, READY]))).toEqual({ passed: '', failed: true })
  },
)
