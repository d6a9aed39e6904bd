import { createSocket } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import { reservePort } from '../cluster/reserve-port.ts'
import { readQuery, writeReply, type Question, type Reply } from './dns-message.ts'

/** What goes back over the wire for one question. */
export interface WireAnswer {
  readonly reply: Reply
  /** Says so in a datagram, so that the client asks again over TCP. */
  readonly truncated?: boolean | undefined
  readonly delayMs?: number | undefined
  /** Changes the bytes of the message. */
  readonly distort?: ((message: Buffer) => Buffer) | undefined
}

export interface DnsServer {
  /** As `Resolver.setServers` of node:dns takes it: `127.0.0.1:16053`. */
  readonly address: string
  close(): Promise<void>
}

/** Answers over UDP and TCP on one port. `undefined`: no answer at all. */
export async function serveDns(answer: (question: Question) => Promise<WireAnswer | undefined>): Promise<DnsServer> {
  const { port, release } = await reservePort()
  const delayed = new Set<NodeJS.Timeout>()
  const connections = new Set<Socket>()

  const respond = async (message: Buffer, datagram: boolean, send: (bytes: Buffer) => void): Promise<void> => {
    const query = readQuery(message)
    const found = query === undefined ? undefined : await answer(query)
    if (query === undefined || found === undefined) return
    const { reply, truncated = false, delayMs = 0, distort = (bytes) => bytes } = found
    const whole = writeReply(query, reply)
    const short = datagram && (truncated || whole.length > query.datagramBytes)
    const bytes = distort(short ? writeReply(query, reply, true) : whole)
    const timer = setTimeout(() => {
      delayed.delete(timer)
      send(bytes)
    }, delayMs)
    delayed.add(timer)
  }

  const udp = createSocket('udp4')
  udp.on('message', (message, { port: to, address }) => {
    // What is sent to a client that has left comes back as an error, which is of no interest.
    void respond(message, true, (bytes) => udp.send(bytes, to, address, () => undefined)).catch(() => undefined)
  })
  udp.on('error', () => undefined)

  const tcp = createServer((connection) => {
    let received = Buffer.alloc(0)
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    connection.on('error', () => undefined)
    connection.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
        const message = received.subarray(2, 2 + received.readUInt16BE())
        received = received.subarray(2 + message.length)
        void respond(message, false, (bytes) => {
          const length = Buffer.alloc(2)
          length.writeUInt16BE(bytes.length)
          connection.write(Buffer.concat([length, bytes]))
        }).catch(() => undefined)
      }
    })
  })

  await Promise.all([
    new Promise<void>((resolve, reject) => udp.once('error', reject).bind(port, '127.0.0.1', resolve)),
    new Promise<void>((resolve, reject) => tcp.once('error', reject).listen(port, '127.0.0.1', resolve)),
  ])
  return {
    address: `127.0.0.1:${port}`,
    async close() {
      for (const timer of delayed) clearTimeout(timer)
      for (const connection of connections) connection.destroy()
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ])
      await release()
    },
  }
}
