import { parseArgs, type ParseArgsConfig } from 'node:util'
import { codeOf, messageOf } from '../driver-errors.ts'
import { closestName } from '../error-messages/closest-name.ts'
import { UsageError } from './usage-error.ts'

type Parsed<Config extends ParseArgsConfig> = ReturnType<typeof parseArgs<Config>>

/**
 * What stands behind a command.
 *
 * @throws UsageError for what the command does not take, with what was probably meant.
 */
export function parseOptions<const Config extends ParseArgsConfig>(command: string, config: Config): Parsed<Config> {
  try {
    return parseArgs(config)
  } catch (error) {
    const said = messageOf(error)
    const help = `npx pg-nearest ${command} --help`
    switch (codeOf(error)) {
      case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
        const [, name = ''] = /'(-.*?)'/.exec(said) ?? []
        const meant = closestName(name, Object.keys(config.options ?? {}))
        const hint = meant === undefined ? ` Those that there are: ${help}` : ` Did you mean --${meant}?`
        throw new UsageError(`${command} has no option ${name}.${hint}`)
      }
      case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL': {
        const [, text = ''] = /'(.*?)'/.exec(said) ?? []
        const hint = text.includes('://') ? 'A server is given by --primary or --replica' : 'What it takes'
        throw new UsageError(`${command} has no use for ${JSON.stringify(text)}. ${hint}: ${help}`)
      }
      case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
        const [, name] = /'(?:-\w, )?(--\S+) <value>' argument missing/.exec(said) ?? []
        throw new UsageError(`${name === undefined ? said : `${name} needs a value behind it.`} What it takes: ${help}`)
      }
      default:
        throw error
    }
  }
}
