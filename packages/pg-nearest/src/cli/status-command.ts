import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from '../pool/create-pool.ts'
import type { NearestPool } from '../pool/nearest-pool.ts'
import type { Status } from '../servers/status.ts'
import { parseOptions } from '../cli-options/parse-options.ts'
import { serverFlags } from '../cli-options/server-options.ts'
import { serversToAsk } from '../cli-options/servers-to-ask.ts'
import { misplaced, statusText } from './status-table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { statusUsage } from '../cli-options/usage.ts'
import { UsageError } from '../cli-options/usage-error.ts'

const DEFAULT_SECONDS = 2

/** `pg-nearest status`. Resolves with the exit code. */
export async function statusCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { args, seconds } = takeWatch(argv)
  const { values } = parseOptions('status', {
    args,
    options: { ...serverFlags, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    terminal.print(statusUsage)
    return 0
  }
  const pool = createPool({
    ...(await serversToAsk(values, terminal, seconds === undefined ? 'once' : 'follow')),
    min: 0,
  })
  try {
    return seconds === undefined
      ? exitCodeOf(await show(pool, values.json === true, terminal))
      : await watch(pool, seconds, values.json === true, terminal)
  } finally {
    await pool.end()
  }
}

/** `--watch` takes an optional number of seconds, which `parseArgs` does not support. */
function takeWatch(argv: readonly string[]): { args: string[]; seconds: number | undefined } {
  const at = argv.findIndex((arg) => arg === '--watch' || arg.startsWith('--watch='))
  if (at < 0) return { args: [...argv], seconds: undefined }
  const [, inside] = (argv[at] ?? '').split('=')
  const next = argv[at + 1]
  // No command takes an argument: so it was meant for --watch.
  const behind = inside === undefined && next !== undefined && !next.startsWith('-') ? next : undefined
  const seconds = Number(inside ?? behind ?? DEFAULT_SECONDS)
  if (!(seconds >= 0.1 && seconds <= 86_400)) throw new UsageError('--watch takes seconds, from 0.1 to 86400.')
  return { args: argv.toSpliced(at, behind === undefined ? 1 : 2), seconds }
}

async function show(pool: NearestPool, json: boolean, terminal: Terminal): Promise<Status> {
  // Lag can be computed only once the primary's position is known: hence the second refresh.
  await pool.refresh()
  const status = await pool.refresh()
  terminal.print(json ? JSON.stringify(status) : statusText(status, terminal))
  return status
}

async function watch(pool: NearestPool, seconds: number, json: boolean, terminal: Terminal): Promise<number> {
  let code = 0
  while (!terminal.interrupted.aborted) {
    const status = await pool.refresh()
    if (terminal.interrupted.aborted) break
    code = exitCodeOf(status)
    if (json) terminal.print(JSON.stringify(status))
    else {
      const head = `${new Date().toLocaleTimeString()}, every ${seconds} s, Ctrl-C ends`
      terminal.redraw(`${head}\n\n${statusText(status, terminal)}`)
    }
    await sleep(seconds * 1_000, undefined, { signal: terminal.interrupted }).catch(() => undefined)
  }
  return code
}

export function exitCodeOf({ servers, problems }: Status): number {
  if (servers.every(({ health }) => health !== 'up')) return 3
  return problems.length > 0 || misplaced(servers).length > 0 || servers.some(({ health }) => health !== 'up') ? 1 : 0
}
