import { once } from 'node:events'
import { serve } from '@hono/node-server'

/** An app on a port of its own. */
export async function listening(server) {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return { url: `http://127.0.0.1:${server.address().port}`, close }
}

/** The same for a handler of the fetch kind. */
export async function served(fetch) {
  const server = serve({ fetch, port: 0, hostname: '127.0.0.1' })
  if (!server.listening) await once(server, 'listening')
  return listening(server)
}
