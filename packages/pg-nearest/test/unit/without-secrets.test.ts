import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createPool, OptionError } from '../../src/index.ts'
import { redactPasswords } from '../../src/error-messages/redact-passwords.ts'
import { withoutSecrets } from '../../src/error-messages/without-secrets.ts'

const SECRET = 'sekret'

test.each([
  ['a URL', `cannot fetch postgres://app:${SECRET}@h/app`, 'cannot fetch postgres://…@h/app'],
  ['a password with @', `postgres://app:p@${SECRET}@h/app`, 'postgres://…@h/app'],
  ['another scheme', `GET https://app:${SECRET}@registry/list failed`, 'GET https://…@registry/list failed'],
  ['a parameter', `postgres://h/app?password=${SECRET}&sslmode=require`, 'postgres://h/app?password=…'],
  ['a quoted parameter', `host=h password = 'a ${SECRET}' user=app`, 'host=h password = … user=app'],
  ['a password with a slash', `cannot parse "postgres://app:se/${SECRET}@h/app"`, 'cannot parse "postgres://…@h/app"'],
  ['a password with all that it should not have', `postgres://app:a#b?c"d'e f@${SECRET}@h/app`, 'postgres://…@h/app'],
  ['a user alone', `postgres://${SECRET}@h/app`, 'postgres://…@h/app'],
  ['a variable', `PGPASSWORD=${SECRET} DB_PASSWORD=${SECRET}`, 'PGPASSWORD=… DB_PASSWORD=…'],
  ['JSON', `{"password":"a\\"${SECRET}","user":"app"}`, '{"password":…,"user":"app"}'],
  ['an object', `{ password: 'a\\'${SECRET}', user: 'app' }`, "{ password: …, user: 'app' }"],
  ['a doubled quote', `password='se''${SECRET}' user=app`, 'password=… user=app'],
  ['an ampersand', `password=se&${SECRET}`, 'password=…'],
  ['a port', 'connect to https://registry:5000/list failed', 'connect to https://registry:5000/list failed'],
  ['what has none', 'getaddrinfo ENOTFOUND db.internal', 'getaddrinfo ENOTFOUND db.internal'],
  ['an address of mail', 'ask ops@example.com', 'ask ops@example.com'],
])('%s in a message', (_, message, shown) => {
  expect(redactPasswords(message)).toBe(shown)
})

test('of what a function has thrown only the name, the code and the message are told', () => {
  class FetchError extends Error {
    override readonly name = 'FetchError'
    readonly code = 'ECONNREFUSED'
    readonly config = { connectionString: `postgres://app:${SECRET}@h/app` }
  }
  const shown = withoutSecrets(
    new FetchError(`cannot fetch postgres://app:${SECRET}@h/app`, { cause: new Error(SECRET) }),
  )
  expect(shown).toMatchObject({
    name: 'FetchError',
    code: 'ECONNREFUSED',
    message: 'cannot fetch postgres://…@h/app',
  })
  expect(inspect(shown, { showHidden: true, depth: 9 })).not.toContain(SECRET)
  const own = new OptionError('max', '"max" must be a whole number.')
  expect(withoutSecrets(own)).toBe(own)
  expect(withoutSecrets(`postgres://app:${SECRET}@h`).message).toBe('postgres://…@h')
})

test('a pool does not show its keys', async () => {
  const pool = createPool({ primary: 'postgres://h/app', ssl: { key: SECRET, passphrase: SECRET, pfx: SECRET } })
  expect(inspect([pool, pool.options, pool.primary], { depth: 9 })).not.toContain(SECRET)
  expect(JSON.stringify(pool.options)).not.toContain(SECRET)
  await pool.end()
})
