import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { OptionError } from '../errors.ts'
import { checkOptionNames } from './option-names.ts'

/**
 * A list of servers as `setServers` and the function `servers` give it. Other options of the pool may stand in it, and have no effect, so
 * that what makes the pool's options can make the list, too.
 *
 * @throws OptionError for what is no object, and for a name that is no option
 */
export function serverListOf(list: unknown): { readonly primary: unknown; readonly replicas: unknown } {
  if (!isPlainObject(list)) {
    throw new OptionError(
      'servers',
      `A list of servers must be an object such as { primary, replicas }, but it is ${describeValue(list)}.`,
    )
  }
  checkOptionNames(list)
  return { primary: list['primary'], replicas: list['replicas'] }
}
