import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { complete, createReader, description, query, ready, row, strings } from '../protocol/messages.ts'
import { ask } from './fixtures.ts'

/**
 * What it says to WAIT FOR LSN: what PostgreSQL 19 would (`truth`), always the same, or that it knows no such statement, as the server
 * behind it says.
 */
export type WaitAnswer = 'truth' | 'success' | 'timeout' | 'not in recovery' | 'unknown'

/** Stands in for PostgreSQL 19, of which there are no binaries here: in front of an older server, whose version it hides. */
export interface ServerOf19 {
  readonly url: string
  answer: WaitAnswer
  /** How much later than it should it answers. */
  lateMs: number
  /** Each WAIT FOR LSN, and each answer to one. */
  readonly seen: string[]
  stop(): Promise<void>
}

const VERSION = "pg_catalog.current_setting('server_version')"
const WAIT = /^WAIT FOR LSN '([0-9A-F]+\/[0-9A-F]+)' WITH \(TIMEOUT '(\d+)ms', NO_THROW\)$/

export async function startServerOf19(url: string): Promise<ServerOf19> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const seen: string[] = []

  const isShown = async (lsn: string): Promise<boolean> => {
    const found = await ask<{ there: boolean }>(url, `select pg_last_wal_replay_lsn() >= '${lsn}' as there`)
    return found.some(({ there }) => there)
  }

  const answerTo = async (text: string): Promise<string> => {
    const [, lsn = '', ms = '0'] = WAIT.exec(text) ?? []
    if (server.answer !== 'truth') return server.answer
    const end = performance.now() + Number(ms)
    while (performance.now() < end) if (await isShown(lsn)) return 'success'
    return 'timeout'
  }

  const serve = (client: Socket): void => {
    const database = connect(Number(port), hostname)
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => other.destroy())
    }
    const fromClient = createReader('client')
    const fromDatabase = createReader('server')
    let unanswered = 0
    /** Everything is answered in order. */
    let turn: Promise<unknown> = Promise.resolve()
    const handle = async (type: string | undefined, body: Buffer, whole: Buffer): Promise<void> => {
      const [text = ''] = type === 'Q' ? strings(body, 1) : []
      if (text.startsWith('WAIT')) seen.push(text)
      if (!WAIT.test(text) || server.answer === 'unknown') {
        if (type === 'Q') unanswered++
        database.write(text.includes(VERSION) ? query(text.replace(VERSION, "'19.0'::text")) : whole)
        return
      }
      while (unanswered > 0) await sleep(1)
      const status = await answerTo(text)
      await sleep(server.lateMs)
      seen.push(status)
      client.write(Buffer.concat([description(), row(status), complete('WAIT'), ready('I')]))
    }
    client.on('data', (data: Buffer) => {
      for (const { type, body, whole } of fromClient(data)) turn = turn.then(() => handle(type, body, whole))
    })
    database.on('data', (data: Buffer) => {
      for (const { type } of fromDatabase(data)) if (type === 'Z') unanswered = Math.max(0, unanswered - 1)
      client.write(data)
    })
  }

  const listener = createServer(serve)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const front = new URL(url)
  front.port = String((listener.address() as AddressInfo).port)
  const server: ServerOf19 = {
    url: front.href,
    answer: 'truth',
    lateMs: 0,
    seen,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
  return server
}
