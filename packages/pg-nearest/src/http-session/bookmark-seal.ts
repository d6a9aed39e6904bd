import { createHmac, timingSafeEqual } from 'node:crypto'
import { OptionError } from '../errors.ts'

/** Signs bookmarks that go to clients, which can read but not change them. */
export interface BookmarkSeal {
  /** Returns the text with its expiry and a signature: safe in a URL, a header and a cookie if the text is. */
  seal(text: string, now: number): string
  /** Returns the text that was sealed; `undefined` if it was not sealed here, or has expired. Never throws. */
  open(sealed: string, now: number): string | undefined
}

export interface BookmarkSealOptions {
  /** The first one signs, and all are accepted, so that secrets can be rotated. */
  readonly secret: string | readonly string[]
  readonly maxAgeMs: number
}

const SHORTEST_SECRET = 16
/** Part of what is signed, so that signatures made with the same secret for other purposes are not valid here. */
const PURPOSE = 'pg-nearest bookmark 1'
const SEALED = /^(.+)\.([0-9a-z]{1,11})\.([\w-]{43})$/s

/** @throws OptionError for no secret, or one of less than 16 characters. */
export function createBookmarkSeal({ secret, maxAgeMs }: BookmarkSealOptions): BookmarkSeal {
  const secrets = checkedSecrets(secret)
  const [signing] = secrets
  return {
    seal(text, now) {
      const expiry = Math.ceil(now + maxAgeMs).toString(36)
      return `${text}.${expiry}.${sign(signing, text, expiry).toString('base64url')}`
    },
    open(sealed, now) {
      const [, text, expiry, signature] = SEALED.exec(sealed) ?? []
      if (text === undefined || expiry === undefined || signature === undefined) return undefined
      const given = Buffer.from(signature, 'base64url')
      // Decoding ignores invalid characters, so only the canonical spelling is accepted.
      if (given.toString('base64url') !== signature) return undefined
      const genuine = secrets.some((each) => timingSafeEqual(sign(each, text, expiry), given))
      return genuine && Number.parseInt(expiry, 36) > now ? text : undefined
    },
  }
}

function sign(secret: string, text: string, expiry: string): Buffer {
  return createHmac('sha256', secret).update(`${PURPOSE}\0${text}\0${expiry}`).digest()
}

function checkedSecrets(secret: unknown): [string, ...string[]] {
  const [first, ...others]: unknown[] = Array.isArray(secret) ? secret : [secret]
  const isSecret = (each: unknown): each is string => typeof each === 'string' && each.length >= SHORTEST_SECRET
  if (isSecret(first) && others.every(isSecret)) return [first, ...others]
  throw new OptionError(
    'secret',
    `secret must be a text of at least ${SHORTEST_SECRET} characters that nobody can guess, or a list of such texts.`,
  )
}
