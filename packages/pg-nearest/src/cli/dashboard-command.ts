import { servePool } from '../dashboard/serve-pool.ts'
import { createPool } from '../pool/create-pool.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { parseOptions } from '../cli-options/parse-options.ts'
import { serverFlags } from '../cli-options/server-options.ts'
import { serversToAsk } from '../cli-options/servers-to-ask.ts'
import { UsageError } from '../cli-options/usage-error.ts'
import { dashboardUsage } from '../cli-options/usage.ts'

/** `pg-nearest dashboard`. Resolves with the exit code, once it is interrupted. */
export async function dashboardCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseOptions('dashboard', {
    args: [...argv],
    options: {
      ...serverFlags,
      port: { type: 'string' },
      host: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    terminal.print(dashboardUsage)
    return 0
  }
  const port = portOf(values.port)
  // It is here to look, whether somebody asks something or not.
  const pool = createPool({ ...(await serversToAsk(values, terminal, 'follow')), quietAfterMs: 0, min: 0 })
  try {
    await pool.refresh()
    const page = await servePool(pool, { port, host: values.host })
    try {
      terminal.print(`The dashboard: ${page.url}`)
      await interrupted(terminal.interrupted)
    } finally {
      await page.close()
    }
    return 0
  } finally {
    await pool.end()
  }
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new UsageError(`--port must be a port's number, and ${JSON.stringify(text)} is none.`)
}

function interrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
