import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A way to a server on which connecting takes so long, and nothing comes through behind that: but for whoever probes it. */
export async function startSilentWay(url: string, connectMs: number): Promise<{ url: string; stop(): Promise<void> }> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const serve = async (near: Socket): Promise<void> => {
    sockets.add(near.on('error', () => undefined))
    const [startup] = (await once(near, 'data')) as [Buffer]
    const probes = startup.includes('pg-nearest monitor')
    if (!probes) await sleep(connectMs)
    const database = connect(Number(port), hostname).on('error', () => undefined)
    sockets.add(database)
    near.on('close', () => database.destroy())
    database.on('close', () => near.destroy())
    database.write(startup)
    let isSilent = false
    near.on('data', (data: Buffer) => !isSilent && database.write(data))
    database.on('data', (data: Buffer) => {
      near.write(data)
      isSilent ||= !probes && data.includes(READY)
    })
  }
  const server = createServer((near) => void serve(near).catch(() => undefined))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${(server.address() as AddressInfo).port}` }).href,
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

const READY = Buffer.from([0x5a, 0, 0, 0, 5])
