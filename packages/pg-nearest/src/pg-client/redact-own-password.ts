import type pg from 'pg'
import { internalsOf } from '../wire/pg-internals.ts'

/** What people read of an ErrorResponse or a notice. The stack begins with the message. */
const TEXTS = ['message', 'detail', 'hint', 'where', 'internalQuery', 'stack'] as const

/**
 * Takes the password of this client's login out of all that its server says: some servers and poolers repeat it where they refuse it. To be
 * called before the client connects, so that nobody is told before.
 */
export function redactOwnPassword(client: pg.Client): void {
  const { connection } = internalsOf(client)
  const redact = (said: object): void => {
    // pg puts there what a function has given.
    const { password, user, database, host } = client as { readonly password?: unknown } & pg.Client
    if (typeof password !== 'string' || [user, database, host, '', COMMON].includes(password)) return
    const pattern = patternOf(password)
    for (const name of TEXTS) {
      const text: unknown = Reflect.get(said, name)
      if (typeof text === 'string') Reflect.set(said, name, text.replaceAll(pattern, '…'))
    }
  }
  connection.on('errorMessage', redact)
  connection.on('notice', redact)
}

/** Servers say this word themselves, so that leaving it out would tell what it is. */
const COMMON = 'password'

/** As it is, and as it is in a URL; not as a part of a longer word. */
function patternOf(password: string): RegExp {
  const ways = [...new Set([password, encodeURIComponent(Buffer.from(password).toString())])]
  return new RegExp(ways.map(asWord).join('|'), 'gu')
}

function asWord(text: string): string {
  const [before, after] = [/^[\p{L}\p{N}]/u.test(text), /[\p{L}\p{N}]$/u.test(text)]
  const literal = text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
  return `${before ? String.raw`(?<![\p{L}\p{N}])` : ''}${literal}${after ? String.raw`(?![\p{L}\p{N}])` : ''}`
}
