import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { resetConnection } from '../../src/wan/reset-connection.ts'

const openFiles = (): number => readdirSync('/proc/self/fd').length

async function pair(): Promise<{ client: Socket; peer: Socket; close: () => void }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [peer] = (await once(server, 'connection')) as [Socket]
  if (client.connecting) await once(client, 'connect')
  client.on('error', () => undefined)
  return { client, peer, close: () => server.close() }
}

test('the peer of a connection that is reset gets a reset', async () => {
  const { client, peer, close } = await pair()
  const failed = once(peer, 'error')
  peer.resume()
  resetConnection(client)
  expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' })
  close()
})

// Elsewhere nothing tells how many files are open.
test.runIf(process.platform === 'linux')('one that is just sending its FIN is closed all the same', async () => {
  const before = openFiles()
  const { client, peer, close } = await pair()
  peer.on('error', () => undefined)
  peer.resume()
  client.end()
  await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)))
  resetConnection(client)
  peer.destroy()
  close()
  for (let i = 0; openFiles() > before && i < 100; i++) await sleep(10)
  expect(openFiles()).toBeLessThanOrEqual(before)
})
