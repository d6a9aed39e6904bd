import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'

/** A name that leads to one server, and later to another: open connections stay where they are, as when DNS moves. */
export interface NameSwitch extends AsyncDisposable {
  /** For clients: the first server's URL, with the name's host and port. */
  readonly url: string
  /** How many connections were made. */
  readonly dialled: number
  /** Where new connections lead from now on, and are not held any more; to several in turn. */
  leadTo(...urls: readonly string[]): void
  /** New connections are accepted, and lead nowhere until they are let go: to that server, wherever others lead by then. */
  hold(): { readonly count: number; letGo(url: string): void }
}

/** @param turns - new connections lead to these in turn; several are a balancer. */
export async function startNameSwitch(...turns: readonly [string, ...string[]]): Promise<NameSwitch> {
  let targets: readonly string[] = turns
  let next = 0
  let held: Socket[] | undefined
  const sockets = new Set<Socket>()
  const lead = (client: Socket, url: string): void => {
    const { hostname, port } = new URL(url)
    const upstream = connect(Number(port), hostname)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  }
  const server = createServer((client) => {
    const url = targets[next++ % targets.length] ?? ''
    if (held === undefined) return lead(client, url)
    sockets.add(client)
    client.on('error', () => client.destroy())
    held.push(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(turns[0])
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    get dialled() {
      return next
    },
    leadTo(...urls) {
      targets = urls
      held = undefined
    },
    hold() {
      const clients: Socket[] = (held = [])
      return {
        get count() {
          return clients.length
        },
        letGo(to) {
          for (const client of clients) if (!client.destroyed) lead(client, to)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
