import { isNotReplicatedError, isOptionError, type MissingServer } from '../errors.ts'
import { createPool } from '../pool/create-pool.ts'
import { parseOptions } from '../cli-options/parse-options.ts'
import { serverFlags } from '../cli-options/server-options.ts'
import { serversToAsk } from '../cli-options/servers-to-ask.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { UsageError } from '../cli-options/usage-error.ts'
import { waitUsage } from '../cli-options/usage.ts'

const DEFAULT_SECONDS = '60'
const LONGEST_SECONDS = 86_400

/** `pg-nearest wait`. Resolves with the exit code. */
export async function waitCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseOptions('wait', {
    args: [...argv],
    options: {
      ...serverFlags,
      timeout: { type: 'string', default: DEFAULT_SECONDS },
      server: { type: 'string', multiple: true },
      bookmark: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    terminal.print(waitUsage)
    return 0
  }
  const seconds = Number(values.timeout)
  if (values.timeout.trim() === '' || !(seconds >= 0 && seconds <= LONGEST_SECONDS)) {
    throw new UsageError(`--timeout takes seconds, from 0 to ${LONGEST_SECONDS}.`)
  }
  const { server: servers, bookmark } = values
  const pool = createPool({ ...(await serversToAsk(values, terminal)), min: 0 })
  if (pool.status().servers.length === 1) {
    await pool.end()
    throw new UsageError(
      'There is no replica in the list: nothing was waited for. Set REPLICA_REGIONS or DATABASE_URL_ORD, or give --replica; on Fly, with PRIMARY_REGION, --discover.',
    )
  }
  const beganAt = performance.now()
  const elapsed = (): string => ((performance.now() - beganAt) / 1_000).toFixed(1)
  const progress = setInterval(() => terminal.progress(`waiting for ${elapsed()} of ${seconds} s`), 500)
  const finish = (missing: readonly MissingServer[], text: string): number => {
    clearInterval(progress)
    terminal.progress('')
    terminal.print(values.json === true ? JSON.stringify({ seconds: Number(elapsed()), missing }) : text)
    return missing.length > 0 ? 1 : 0
  }
  try {
    await pool.replicated({ servers, bookmark, timeoutMs: seconds * 1_000, signal: terminal.interrupted })
    return finish([], `${shownBy(servers)} it, after ${elapsed()} s.`)
  } catch (error) {
    if (isNotReplicatedError(error))
      return finish(error.missing, `${error.message} More is told by: npx pg-nearest doctor`)
    throw isOptionError(error) && error.option === 'bookmark' ? new UsageError(`--${error.message}`) : error
  } finally {
    clearInterval(progress)
    await pool.end()
  }
}

function shownBy(servers: readonly string[] | undefined): string {
  if (servers === undefined) return 'Every replica shows'
  return `${new Intl.ListFormat('en-GB').format(servers)} ${servers.length === 1 ? 'shows' : 'show'}`
}
