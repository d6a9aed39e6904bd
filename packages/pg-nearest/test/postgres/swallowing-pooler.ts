import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createReader, type Message } from '../protocol/messages.ts'

/** A pooler that reads one question, and forgets what came in with it until that is answered. */
export interface Pooler {
  /** The database behind it. */
  readonly url: string
  /** How many questions it has swallowed. */
  readonly swallowed: number
  stop(): Promise<void>
}

export async function startSwallowingPooler(url: string): Promise<Pooler> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let swallowed = 0
  const server = createServer((client) => {
    const database = connect(Number(port), hostname)
    let busy = false
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => other.destroy())
    }
    const fromClient = createReader('client')
    client.on('data', (data) => {
      for (const message of fromClient(data)) {
        if (busy) {
          swallowed += Number(endsQuestion(message))
          continue
        }
        busy = endsQuestion(message)
        database.write(message.whole)
      }
    })
    const fromDatabase = createReader('server')
    database.on('data', (data) => {
      for (const message of fromDatabase(data)) if (message.type === 'Z') busy = false
      client.write(data)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = new URL(url)
  address.port = String((server.address() as { port: number }).port)
  return {
    url: address.href,
    get swallowed() {
      return swallowed
    },
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function endsQuestion({ type }: Message): boolean {
  return type === 'Q' || type === 'S'
}
