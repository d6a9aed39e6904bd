import { expect, test } from 'vitest'
import { INCOMPLETE, mayGreet, readForkFailure } from '../../src/pg-client/server-greeting-check.ts'

test.each([
  ['an authentication request', 'R\0\0\0\x08\0\0\0\0', true],
  ['its first byte', 'R', true],
  ['an error', 'E\0\0\0\x14SFATAL\0C28P01\0\0', true],
  ['another version of the protocol', 'v\0\0\0\x0c', true],
  ['a message that no server begins with', 'Z\0\0\0\x05I', false],
  ['an error of the second protocol', 'Efatal: no', false],
  ['a length below any', 'R\0\0\0\x07', false],
  ['another protocol', 'HTTP/1.1 400 Bad', false],
])('%s: may begin what a server says: %s', (_, head, may) => {
  expect(mayGreet(Buffer.from(head, 'latin1'))).toBe(may)
})

const FORK = 'could not fork new process for connection: Cannot allocate memory'

test.each([
  ['as PostgreSQL sends it', `E${FORK}\n\0`, FORK],
  ['more behind it', `E${FORK}\n\0E${FORK}\n\0`, FORK],
  [
    'another language',
    'Ekonnte keinen neuen Prozess für Verbindung starten: –\n\0',
    'konnte keinen neuen Prozess für Verbindung starten: –',
  ],
  ['control characters', 'Ea\x1b[31m\x07b\x7f\x9b\r\nc\n\0', 'a [31m b c'],
  ['a long one', `E${'x'.repeat(900)}\0`, `${'x'.repeat(200)}…`],
  ['its beginning', 'Ecould not for', INCOMPLETE],
  ['its first byte and no more', 'E', INCOMPLETE],
  ['a length that may become one', 'E\0\0', INCOMPLETE],
  ['an error of the third protocol', 'E\0\0\0\x14SFATAL\0C28P01\0\0', undefined],
  ['a length below any', 'E\0\0\0\x05\0', undefined],
  ['another protocol’s line', 'ERROR\r\n', undefined],
  ['more than it ever is', `E${'x'.repeat(1_100)}`, undefined],
  ['nothing to say', 'E\n \n\0abcdef', undefined],
  ['another message', 'R\0\0\0\x08\0\0\0\0', undefined],
])('an error of the second protocol, %s: %j', (_, bytes, text) => {
  expect(readForkFailure(Buffer.from(bytes))).toBe(text)
})
