import { parameterOf, parametersOf } from '../discovery/url-parts.ts'

/** The parameters of a URL by which pg sets `ssl`, whatever else says so. */
export const SSL_PARAMETERS: readonly string[] = ['ssl', 'sslmode', 'sslcert', 'sslkey', 'sslrootcert']

/** Whether `sslmode` and the like in a URL take the effect from the option `ssl`, as they do in pg. */
export function isSslOverridden(ssl: unknown, url: string | undefined): boolean {
  if (ssl === undefined || url === undefined) return false
  const names = parametersOf(url)
  if (!SSL_PARAMETERS.some((name) => names.has(name))) return false
  const said = parameterOf(url, 'sslmode') ?? parameterOf(url, 'ssl') ?? ''
  return !(SAME.get(ssl) ?? []).includes(said)
}

/** Where both say the same, nothing is lost. */
const SAME: ReadonlyMap<unknown, readonly string[]> = new Map([
  [true, ['true', '1', 'prefer', 'require', 'verify-ca', 'verify-full']],
  [false, ['0', 'disable']],
])
