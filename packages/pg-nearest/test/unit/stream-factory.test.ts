import { Socket } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isStreamError } from '../../src/errors.ts'
import { checkedStream } from '../../src/pg-client/stream-factory.ts'

const SECRET = 'hush-hush'
function errorOf(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

const failing = (thrown: unknown) => () => {
  throw thrown
}

describe('a function that gives the stream of a connection', () => {
  test.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'no stream with the methods of a net.Socket'],
    ['null', () => null, 'no stream'],
    ['a text', () => SECRET, 'no stream'],
    ['a promise of one', () => Promise.resolve(new Socket()), 'no stream'],
    ['a promise that fails', () => Promise.reject(new Error(SECRET)), 'no stream'],
    ['half a stream', () => ({ connect() {}, write() {}, destroy() {}, on() {} }), 'setNoDelay'],
    ['an error', failing(new Error(SECRET)), 'has failed (Error)'],
    ['an error with a code', failing(Object.assign(new TypeError(SECRET), { code: 'ENOENT' })), '(TypeError, ENOENT)'],
    ['a text that is thrown', failing(SECRET), 'has failed:'],
    ['an object that is thrown', failing({ message: SECRET, token: SECRET }), 'has failed:'],
  ])('%s: its server is named, and nothing of it told', (_name, factory, says) => {
    const error = errorOf(() => checkedStream('ord', factory as never)())
    expect(isStreamError(error)).toBe(true)
    expect(error).toMatchObject({ code: 'NEAREST_STREAM', server: 'ord', message: expect.stringContaining(says) })
    expect(String(error)).toContain('The option "stream" of ord')
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET)
  })

  test('a stream whose connect throws', () => {
    const socket = Object.assign(new Socket(), { connect: failing(new Error(SECRET)) })
    const stream = checkedStream('ord', () => socket)()
    expect(stream).toBe(socket)
    const error = errorOf(() => socket.connect())
    expect(error).toMatchObject({ code: 'NEAREST_STREAM' })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET)
  })
})
