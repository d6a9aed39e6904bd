import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createReader, strings, type Message } from '../protocol/messages.ts'

/** A way to a server on which no connection tells whether the server is in recovery: as before PostgreSQL 14, or behind some poolers. */
export interface UntellingWay extends AsyncDisposable {
  /** For clients: the first server's URL, with the way's host and port. */
  readonly url: string
  /** What was asked of connections on which nothing holds this text waits, until they are asked something that does. `undefined`: nothing waits. */
  holdWithout(marker: string | undefined): void
  /** Closes its connections; the next ones lead there. */
  leadTo(url: string): void
}

export async function startUntellingWay(url: string): Promise<UntellingWay> {
  let target = url
  let marker: string | undefined
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const { hostname, port } = new URL(target)
    const database = connect(Number(port), hostname)
    let held: Buffer[] = []
    let isOpen = false
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    const fromClient = createReader('client')
    client.on('data', (data) => {
      for (const message of fromClient(data)) {
        isOpen ||= marker === undefined || message.whole.includes(marker)
        if (asks(message)) held.push(message.whole)
        else database.write(message.whole)
      }
      if (!isOpen) return
      for (const message of held) database.write(message)
      held = []
    })
    const fromDatabase = createReader('server')
    database.on('data', (data) => {
      for (const message of fromDatabase(data)) if (!tells(message)) client.write(message.whole)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = new URL(url)
  address.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: address.href,
    holdWithout(text) {
      marker = text
    },
    leadTo(next) {
      target = next
      cut()
    },
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Neither the first message of a connection, nor a password. */
function asks({ type }: Message): boolean {
  return type !== undefined && type !== 'p'
}

function tells({ type, body }: Message): boolean {
  return type === 'S' && strings(body, 1)[0] === 'in_hot_standby'
}
