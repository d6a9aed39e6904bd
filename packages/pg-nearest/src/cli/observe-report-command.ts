import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { messageOf } from '../driver-errors.ts'
import { causesOf } from '../errors.ts'
import { redactPasswords } from '../error-messages/redact-passwords.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { parseOptions } from '../cli-options/parse-options.ts'
import { parseForecast, sumOf } from './parse-observe-report.ts'
import { reportText } from './observe-report-text.ts'
import { UsageError } from '../cli-options/usage-error.ts'
import { reportUsage } from '../cli-options/usage.ts'

const WAIT_MS = 10_000

/** `pg-nearest report`. Resolves with the exit code. */
export async function reportCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseOptions('report', {
    args: [...argv],
    allowPositionals: true,
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    terminal.print(reportUsage)
    return 0
  }
  if (positionals.length === 0 && process.stdin.isTTY) {
    throw new UsageError('Where is the status? Give a file or a URL that holds it, or pipe it in.')
  }
  const sources = positionals.length === 0 ? ['-'] : positionals
  const read = await Promise.all(
    sources.map(async (source) => parseForecast(await contentOf(source, terminal.interrupted), named(source))),
  )
  const forecast = sumOf(read.filter((each) => each !== undefined))
  if (forecast === undefined) {
    terminal.complain('Nothing was observed: set the mode to observe (PG_NEAREST_MODE=observe), and let the app run.')
    if (values.json === true) terminal.print('null')
    return 1
  }
  terminal.print(values.json === true ? JSON.stringify(forecast) : reportText(forecast, terminal))
  return 0
}

function named(source: string): string {
  return source === '-' ? 'standard input' : redactPasswords(source)
}

async function contentOf(source: string, interrupted: AbortSignal): Promise<string> {
  if (source === '-') return readAll(process.stdin)
  try {
    if (!/^https?:\/\//i.test(source)) return await readFile(source, 'utf8')
    return await fetchText(source, interrupted)
  } catch (error) {
    if (interrupted.aborted) throw error
    throw new UsageError(`${named(source)} cannot be read: ${redactPasswords(reasonOf(error))}.`)
  }
}

/** With a timer of its own: Node 20 may collect a timeout that only `AbortSignal.any` holds. */
async function fetchText(address: string, interrupted: AbortSignal): Promise<string> {
  const { url, headers } = withoutCredentials(address)
  const end = new AbortController()
  const timer = setTimeout(() => end.abort(new Error(`it has not answered within ${WAIT_MS / 1_000} s`)), WAIT_MS)
  const forget = onAbort(interrupted, () => end.abort(interrupted.reason))
  try {
    const response = await fetch(url, { signal: end.signal, headers })
    if (response.ok) return await response.text()
    throw new Error(`it answered ${response.status}`)
  } finally {
    clearTimeout(timer)
    forget()
  }
}

/** `fetch` takes no URL that has a user in it. */
function withoutCredentials(address: string): { url: URL; headers: Record<string, string> } {
  const url = new URL(address)
  const { username, password } = url
  if (username === '' && password === '') return { url, headers: {} }
  url.username = url.password = ''
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  return { url, headers: { authorization: `Basic ${basic}` } }
}

/** What `fetch` fails with says nothing by itself. */
function reasonOf(error: unknown): string {
  const [, cause] = causesOf(error)
  return messageOf(cause ?? error) || 'no connection'
}
