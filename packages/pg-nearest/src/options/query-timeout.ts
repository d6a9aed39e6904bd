import type { ListedServer } from '../discovery/listed-server.ts'
import { parameterOf } from '../discovery/url-parts.ts'
import { OptionError } from '../errors.ts'
import { mismatch, pgOptionChecks } from '../server-list/pg-option-checks.ts'
import type { PgOptions } from '../server-list/server-list-types.ts'

const PARAMETER = 'query_timeout'

/**
 * The pool's `query_timeout`. As in pg, what the URL says goes before the option: the primary's, for all servers.
 *
 * @throws OptionError if a URL says no time, or another one than the pool's
 */
export function queryTimeoutOfPool(
  servers: readonly ListedServer[],
  { query_timeout: option }: PgOptions,
): Pick<PgOptions, 'query_timeout'> {
  const [said, ...others] = servers.map(queryTimeoutInUrl)
  const timeoutMs = said ?? (Number(option) || undefined)
  for (const [i, other] of others.entries()) {
    if (other === undefined || other === timeoutMs) continue
    const { name = '' } = servers[i + 1] ?? {}
    throw new OptionError(
      PARAMETER,
      `The URL of ${name} says query_timeout=${other}, which holds for the pool: write it as its option, or in the URL of its primary.`,
    )
  }
  return said === undefined ? {} : { query_timeout: said }
}

function queryTimeoutInUrl({ name, address: { url } }: ListedServer): number | undefined {
  const text = url === undefined ? undefined : parameterOf(url, PARAMETER)
  if (text === undefined || text === '') return undefined
  const must = pgOptionChecks[PARAMETER](text)
  if (must !== undefined) throw mismatch(PARAMETER, must, `something else in the URL of ${name}`)
  return Number(text) || undefined
}
