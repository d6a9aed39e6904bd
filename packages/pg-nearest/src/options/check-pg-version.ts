import { createRequire } from 'node:module'
import pg from 'pg'
import { NearestError } from '../errors.ts'

/** @throws NearestError for a pg that lacks what is used of it: package managers may only warn of that. */
export function checkPgVersion(): void {
  if (typeof (pg.Client.prototype as Partial<pg.Client>).getTransactionStatus === 'function') return
  throw new NearestError(
    'NEAREST_OLD_PG',
    `pg-nearest needs pg 8.23 or later, and found ${installedVersion() ?? 'an older one'}: npm install pg@latest`,
  )
}

/** `undefined` in a bundle, which has no package.json. */
function installedVersion(): string | undefined {
  try {
    const { version } = createRequire(import.meta.url)('pg/package.json') as { readonly version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}
