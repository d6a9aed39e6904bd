import { unknownName } from '../error-messages/unknown-name.ts'
import { OptionError } from '../errors.ts'
import { pgOptionChecks, serverNaming } from '../server-list/pg-option-checks.ts'

/** The options that are not pg's. */
export const ownOptions = [
  'region',
  'primary',
  'replicas',
  'servers',
  'cluster',
  'serversIntervalMs',
  'consistency',
  'assumeReplicatedAfterMs',
  'waitForLsn',
  'pipeline',
  'lanes',
  'prepare',
  'probeIntervalMs',
  'probeTimeoutMs',
  'silenceTimeoutMs',
  'connectTimeoutMs',
  'failoverTimeoutMs',
  'timeoutMs',
  'maxWaiting',
  'quietAfterMs',
  'stalledAfterMs',
  'hedge',
  'learnedStatements',
  'mode',
  'modes',
  'bookmarkStore',
  'bookmarkStoreTimeoutMs',
] as const

/**
 * Checks the names of options. Options of pg that name a server (`host`, `connectionString` …) may only be `undefined`.
 *
 * @param own - the names that are allowed beside pg's
 * @throws OptionError for the first name that is not allowed
 */
export function checkOptionNames(
  options: Readonly<Record<string, unknown>>,
  own: readonly string[] = ownOptions,
): void {
  for (const [name, value] of Object.entries(options)) {
    if (own.includes(name) || Object.hasOwn(pgOptionChecks, name)) continue
    if (!serverNaming.includes(name)) throw unknownOption(name, own)
    if (value !== undefined) throw new OptionError(name, `${name} ${oneServer(name)}`)
  }
}

function oneServer(name: string): string {
  if (name === 'Client' || name === 'connection')
    return 'cannot be set: pg-nearest makes the connections to its servers.'
  return 'names one server. Give it in an entry: primary for the server that takes the writes, replicas for the others.'
}

function unknownOption(name: string, own: readonly string[]): OptionError {
  const names = [...own, ...Object.keys(pgOptionChecks)]
  return unknownName(name, names, `It takes ${own.join(', ')}, and the options of pg.Pool.`)
}
