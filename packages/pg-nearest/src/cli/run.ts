import { createRequire } from 'node:module'
import { closestName } from '../error-messages/closest-name.ts'
import { redactPasswords } from '../error-messages/redact-passwords.ts'
import { isOptionError } from '../errors.ts'
import { benchCommand } from './bench-command.ts'
import { dashboardCommand } from './dashboard-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { errorText } from '../cli-options/error-text.ts'
import { reportCommand } from './observe-report-command.ts'
import { statusCommand } from './status-command.ts'
import { processTerminal, type Terminal } from '../terminal/terminal.ts'
import { mainUsage } from '../cli-options/usage.ts'
import { waitCommand } from './wait-for-replicas-command.ts'
import { UsageError } from '../cli-options/usage-error.ts'

type Command = (argv: readonly string[], terminal: Terminal) => Promise<number>

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['status', statusCommand],
  ['doctor', doctorCommand],
  ['bench', benchCommand],
  ['wait', waitCommand],
  ['report', reportCommand],
  ['dashboard', dashboardCommand],
])

const COMMAND_NAMES = new Intl.ListFormat('en-GB').format(COMMANDS.keys())

/** The exit code of shells for SIGINT. */
const INTERRUPTED = 130

/** The whole program. Resolves with the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const terminal = processTerminal()
  const [name, ...rest] = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv
  try {
    if (name === undefined || name === '--help' || name === '-h') {
      terminal.print(mainUsage)
      return name === undefined ? 2 : 0
    }
    if (name === '--version' || name === '-v') {
      terminal.print(version())
      return 0
    }
    const command = COMMANDS.get(name)
    if (command === undefined) {
      const meant = closestName(name, COMMANDS.keys())
      const hint = meant === undefined ? `: there are ${COMMAND_NAMES}.` : `. Did you mean ${meant}?`
      throw new UsageError(`There is no command ${JSON.stringify(name)}${hint}`)
    }
    if (rest.includes('--version')) {
      terminal.print(version())
      return 0
    }
    return await command(rest, terminal)
  } catch (error) {
    if (terminal.interrupted.aborted) return INTERRUPTED
    // A URL in the place of something else is repeated.
    const message = redactPasswords(errorText(error))
    terminal.complain(`pg-nearest: ${message}`)
    if (rest.includes('--json')) terminal.print(JSON.stringify({ error: message }))
    return isMisuse(error) ? 2 : 1
  }
}

function isMisuse(error: unknown): boolean {
  return error instanceof UsageError || isOptionError(error)
}

/** By its name, because what npm packs is in other files. */
function version(): string {
  return (createRequire(import.meta.url)('pg-nearest/package.json') as { readonly version: string }).version
}
