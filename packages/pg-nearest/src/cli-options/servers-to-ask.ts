import type { NearestPoolOptions } from '../options/pool-options.ts'
import { unusedVariables } from '../fly/configured-regions.ts'
import { isMode } from '../modes/pool-mode.ts'
import { MODE_VARIABLE } from '../modes/parse-mode.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { errorText } from './error-text.ts'
import { serverOptions, type ServerFlags } from './server-options.ts'

/** The servers as they are listed now, so that all of them are asked from the start; `follow`: and as they come and go. */
export async function serversToAsk(
  flags: ServerFlags,
  terminal: Terminal,
  follow: 'follow' | 'once' = 'once',
): Promise<NearestPoolOptions> {
  const options = await serverOptions(flags, terminal.env)
  const tell = (text: string): void => terminal.complain(`pg-nearest: ${text}`)
  tellOfMode(terminal.env, tell)
  if (flags.primary === undefined && flags.discover !== true) {
    for (const name of unusedVariables(terminal.env))
      tell(`${name} is set, and not used: REPLICA_REGIONS does not name it.`)
  }
  const listed = await listedNow(options, tell, flags.discover === true)
  if (follow === 'follow') return listed
  const { servers: _servers, ...rest } = listed
  return rest
}

/** The variable is for the app: a command asks every server. */
function tellOfMode(env: NodeJS.ProcessEnv, tell: (text: string) => void): void {
  const mode = env[MODE_VARIABLE]?.trim() ?? ''
  Reflect.deleteProperty(env, MODE_VARIABLE)
  if (mode === '' || mode === 'normal') return
  if (isMode(mode)) tell(`${MODE_VARIABLE} is ${mode}, for an app that has it. This is what the mode normal does.`)
  else tell(`${MODE_VARIABLE} is no mode, so that an app that has it does not start.`)
}

/**
 * With the list that is discovered, if that can be had.
 *
 * @param wanted - discovery was asked for; otherwise it is told what the list is
 */
export async function listedNow(
  options: NearestPoolOptions,
  tell: (text: string) => void,
  wanted: boolean,
): Promise<NearestPoolOptions> {
  const { primary, replicas, servers } = options
  if (servers === undefined) return options
  try {
    const list = await servers({ primary, replicas })
    if (list === undefined) return options
    if (!wanted) {
      tell(
        "no replica is set, so these are the machines in Fly's DNS, as an app with fly({ discover: true }) has them.",
      )
    }
    return { ...options, primary: list.primary, replicas: list.replicas }
  } catch (error) {
    tell(
      `Fly's DNS, which answers only inside its network, does not list the machines (${errorText(error)}), ` +
        'so only what is set is asked: REPLICA_REGIONS, or DATABASE_URL_ORD and so on.',
    )
    return options
  }
}
