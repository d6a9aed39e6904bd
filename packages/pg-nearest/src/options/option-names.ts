import { closestName } from '../error-messages/closest-name.ts'
import { redactName } from '../error-messages/quote-unless-secret.ts'
import { OptionError } from '../errors.ts'
import { pgOptionChecks, serverNaming } from './pg-option-checks.ts'

/** The options that are not pg's. */
export const ownOptions = [
  'region',
  'primary',
  'replicas',
  'servers',
  'serversIntervalMs',
  'consistency',
  'pipeline',
  'probeIntervalMs',
  'probeTimeoutMs',
  'silenceTimeoutMs',
  'connectTimeoutMs',
  'failoverTimeoutMs',
  'timeoutMs',
  'maxWaiting',
  'hedge',
  'learnedStatements',
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
  return 'names one server. Write it into a URL: primary for the server that takes the writes, replicas for the others.'
}

function unknownOption(name: string, own: readonly string[]): OptionError {
  const closest = closestName(name, [...own, ...Object.keys(pgOptionChecks)])
  const hint =
    closest === undefined ? `It takes ${own.join(', ')}, and the options of pg.Pool.` : `Did you mean ${closest}?`
  const shown = redactName(name)
  return new OptionError(shown === JSON.stringify(name) ? name : 'options', `There is no option ${shown}. ${hint}`)
}
