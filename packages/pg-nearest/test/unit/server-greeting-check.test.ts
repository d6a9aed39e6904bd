import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ServerGreetingCheck } from '../../src/pg-client/server-greeting-check.ts'

function message(type: string, body: string): Buffer {
  const bytes = Buffer.from(body, 'latin1')
  const head = Buffer.alloc(5, type)
  head.writeUInt32BE(4 + bytes.length, 1)
  return Buffer.concat([head, bytes])
}

const LOGIN = [
  message('R', '\0\0\0\0'),
  message('S', 'server_version\x0018\0'),
  message('N', 'SNOTICE\0C00000\0Mwelcome\0\0'),
  message('K', '\0\0\0\x07abcd'),
  message('Z', 'I'),
]

/** What is said of these bytes, cut at these places. */
function saysOf(bytes: Buffer, cuts: readonly number[] = []): string | undefined {
  const messages = new ServerGreetingCheck()
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  for (const [i, from] of places.entries()) {
    const said = messages.take(bytes.subarray(from, places[i + 1] ?? bytes.length))
    if (said !== undefined) return said
  }
  return undefined
}

describe('what a server says before it is ready', () => {
  test.each<[string, Buffer, string | undefined]>([
    ['a login', Buffer.concat(LOGIN), undefined],
    ['an error', message('E', 'SFATAL\0C28P01\0Mno\0\0'), undefined],
    ['an error without fields', message('E', '\0\0\0\0'), undefined],
    ['an error whose last field does not end', message('E', 'SFATAL\0Mno'), 'broken'],
    ['an error without an end', message('E', 'SFATAL\0Mno\0'), 'broken'],
    ['a notice without an end behind a login', Buffer.concat([...LOGIN, message('N', 'Sa\0')]), 'broken'],
    ['no length', Buffer.concat([message('R', '\0\0\0\0'), Buffer.from('S\0\0\0\0')]), 'broken'],
    ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'first'],
  ])('%s', (_, bytes, said) => {
    expect(saysOf(bytes)).toBe(said)
  })

  test('means the same in whatever pieces it comes', () => {
    const anyReport = fc.tuple(fc.constantFrom('E', 'N'), fc.string({ unit: 'binary-ascii', maxLength: 20 }))
    fc.assert(
      fc.property(fc.array(anyReport, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 6 }), (reports, cuts) => {
        const bytes = Buffer.concat([...LOGIN, ...reports.map(([type, body]) => message(type, body))])
        expect(saysOf(bytes, cuts)).toBe(saysOf(bytes))
      }),
    )
  })
})
