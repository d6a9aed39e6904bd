import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { askAgainAfterMs, askForPassword } from '../../src/pg-client/password-function.ts'
import { PasswordError } from '../../src/errors.ts'

const failureOf = (ask: () => unknown, leftMs = Infinity): Promise<unknown> =>
  askForPassword('ord', ask as () => string, leftMs).catch((error: unknown) => error)

test.each<[string, () => unknown]>([
  ['a text', () => 'pw'],
  ['a promise of one', () => Promise.resolve('pw')],
])('%s is taken', async (_, ask) => {
  expect(await askForPassword('ord', ask as () => string, Infinity)).toBe('pw')
})

test.each<[string, () => unknown, RegExp]>([
  ['a number', () => 5, /has not returned a text/],
  ['an empty text', () => '', /has not returned a text/],
  ['nothing', () => undefined, /has not returned a text/],
  [
    'an error',
    () => {
      throw new RangeError('hush')
    },
    /has failed \(RangeError\)/,
  ],
  [
    'a rejection with a code',
    () => Promise.reject(Object.assign(new Error('hush'), { code: 'ETOKEN' })),
    /\(Error, ETOKEN\)/,
  ],
  ['a rejection with a text', () => Promise.reject('hush'), /has failed: look/],
  [
    'an error whose name is a sentence',
    () => {
      throw Object.assign(new Error('x'), { name: 'hush hush' })
    },
    /has failed: look/,
  ],
  [
    'an error whose name and code are secrets',
    () => {
      throw Object.assign(new Error('x'), { name: 'hush', code: 'hush' })
    },
    /has failed: look/,
  ],
  [
    'an error whose code cannot be read',
    () => {
      throw Object.defineProperty(new Error('x'), 'code', {
        get() {
          throw new Error('hush')
        },
      })
    },
    /has failed \(Error\): look/,
  ],
])('%s is the server’s trouble, and its text is not repeated', async (_, ask, says) => {
  const error = await failureOf(ask)
  expect(error).toBeInstanceOf(PasswordError)
  expect(error).toMatchObject({ code: 'NEAREST_PASSWORD', server: 'ord', message: expect.stringMatching(says) })
  expect(inspect(error)).not.toContain('hush')
})

test('it is asked no longer than the connection has', async () => {
  const error = await failureOf(() => new Promise(() => undefined), 20)
  expect(error).toMatchObject({ message: expect.stringMatching(/did not answer in time/) })
})

const refused = Object.assign(new Error('password authentication failed'), { code: '28P01', severity: 'FATAL' })
test.each<[string, unknown, unknown, number, boolean]>([
  ['the first refusal of a function’s', () => 'pw', refused, 1, true],
  ['the second', () => 'pw', refused, 2, true],
  ['the third', () => 'pw', refused, 3, false],
  ['a text’s', 'pw', refused, 1, false],
  ['another failure', () => 'pw', new Error('ECONNREFUSED'), 1, false],
  ['the function’s own', () => 'pw', new PasswordError('ord', 'has failed'), 1, false],
])('%s', (_, password, error, tries, again) => {
  expect(askAgainAfterMs(password, error, tries) !== undefined).toBe(again)
})
