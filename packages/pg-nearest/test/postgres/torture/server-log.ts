import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { World } from 'pg-nearest-world'
import { administer, until } from '../fixtures.ts'

/** Has every server write each statement that it is given to its log, as JSON. */
export const LOG_SETTINGS = {
  logging_collector: 'on',
  log_destination: 'jsonlog',
  log_directory: 'log',
  log_filename: 'server.log',
  log_rotation_age: '0',
  log_rotation_size: '0',
  log_statement: 'all',
  log_min_error_statement: 'error',
} satisfies Record<string, string>

const PATIENCE_MS = 15_000

/** What one server has said about the statements that it was given. */
export interface ServerLog {
  readonly client: pg.Client
  /** The texts that came from an application of this name since the last call, in order, refused ones included. */
  textsOf(application: string): Promise<string[]>
  close(): Promise<void>
}

interface Line {
  readonly application_name?: string
  /** Of the server's process: one for each connection. */
  readonly pid: number
  readonly message: string
  /** Of an error: the statement that was at fault. */
  readonly statement?: string
}

export async function openServerLog(world: World, region: string): Promise<ServerLog> {
  const client = new pg.Client({ connectionString: world.url(region), application_name: 'log reader' })
  await client.connect()
  // A superuser may know where the log is.
  const [row] = await administer<{ data_directory: string }>(world, region, 'show data_directory')
  const file = await open(join(row?.data_directory ?? '', 'log', 'server.json'))
  const readOn = readerOf(file)
  let marks = 0
  let rest = ''

  return {
    client,
    async textsOf(application) {
      // The collector writes a little later, in order: what comes before our mark is there when the mark is.
      const mark = `mark ${++marks} of the log reader`
      await client.query(`select '${mark}'`)
      const marked = async (): Promise<boolean> => {
        rest += await readOn()
        return rest.includes(mark) && rest.endsWith('\n')
      }
      await until(marked, 'the mark in the log', PATIENCE_MS, 1)
      const lines = rest.split('\n').filter((line) => line !== '')
      rest = ''
      return textsIn(
        lines.map((line) => JSON.parse(line) as Line).filter((line) => line.application_name === application),
      )
    },
    async close() {
      await file.close()
      await client.end()
    },
  }
}

/** Reads what has been written since it was read last: `readFile` would make room for the whole file each time. */
function readerOf(file: FileHandle): () => Promise<string> {
  const room = Buffer.allocUnsafe(64 * 1024)
  return async () => {
    const chunks: Buffer[] = []
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { bytesRead } = await file.read(room)
      chunks.push(Buffer.from(room.subarray(0, bytesRead)))
      if (bytesRead < room.length) return Buffer.concat(chunks).toString()
    }
  }
}

const LOGGED = /^(?:statement|execute [^:]*): /

/**
 * A statement that fails is in the log twice: as it begins, unless it cannot be parsed, and with its error. Other
 * connections, such as the monitor's, may come between the two.
 */
function textsIn(lines: readonly Line[]): string[] {
  const texts: string[] = []
  const lastOf = new Map<number, string>()
  for (const { message, statement, pid } of lines) {
    const text = LOGGED.test(message) ? message.replace(LOGGED, '') : statement
    if (text === undefined || (text === statement && lastOf.get(pid) === text)) continue
    texts.push(text)
    lastOf.set(pid, text)
  }
  return texts
}
