import { expect, test } from 'vitest'
import { mayGreet } from '../../src/pg-client/server-greeting-check.ts'

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
