import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { serveDns, type DnsServer, type WireAnswer } from '../../src/dns/dns-server.ts'
import { mangle } from '../../src/dns/mangle.ts'
import { scripted, type ScriptedAnswer } from '../../src/dns/scripted-answer.ts'

const servers: DnsServer[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

const record = { type: 'A', name: 'db.internal', ttl: 5, data: '127.9.0.1' } as const
const truth = { status: 'NOERROR', records: [record] } as const

async function resolverOf(answer: () => Promise<WireAnswer | undefined>): Promise<Resolver> {
  const server = await serveDns(answer)
  servers.push(server)
  const resolver = new Resolver({ timeout: 200, tries: 1 })
  resolver.setServers([server.address])
  return resolver
}

test.each<[ScriptedAnswer | undefined, unknown]>([
  [undefined, [{ address: '127.9.0.1', ttl: 5 }]],
  ['truncated', [{ address: '127.9.0.1', ttl: 5 }]],
  [{ delayMs: 20 }, [{ address: '127.9.0.1', ttl: 5 }]],
  [{ records: [{ ...record, data: '127.9.0.9' }] }, [{ address: '127.9.0.9', ttl: 5 }]],
  ['empty', 'ENODATA'],
  ['missing', 'ENOTFOUND'],
  ['failed', 'ESERVFAIL'],
  ['refused', 'EREFUSED'],
  ['silent', 'ETIMEOUT'],
])('%o', async (script, expected) => {
  const resolver = await resolverOf(() => Promise.resolve(scripted(script, truth, Math.random)))
  const answer = await resolver
    .resolve4('db.internal', { ttl: true })
    .catch((error: NodeJS.ErrnoException) => error.code)
  expect(answer).toEqual(expected)
})

test('an answer too long for a datagram comes over TCP', async () => {
  const records = Array.from({ length: 300 }, (_, i) => ({ ...record, data: `127.9.${i >> 8}.${i & 255}` }))
  const resolver = await resolverOf(() => Promise.resolve({ reply: { status: 'NOERROR', records } }))
  expect(await resolver.resolve4('db.internal')).toHaveLength(300)
})

test('what is no question gets no answer, and the next one does', async () => {
  const server = await serveDns(() => Promise.resolve({ reply: truth }))
  servers.push(server)
  const [, port] = server.address.split(':')
  const socket = createSocket('udp4')
  for (const bytes of ['', 'x', '\0'.repeat(12), 'y'.repeat(600)])
    await new Promise((resolve) => socket.send(Buffer.from(bytes), Number(port), '127.0.0.1', resolve))
  socket.close()
  const resolver = new Resolver({ timeout: 1000, tries: 2 })
  resolver.setServers([server.address])
  expect(await resolver.resolve4('db.internal')).toEqual(['127.9.0.1'])
})

test('what is mangled keeps its id, and is never the same for long', () => {
  const message = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz')
  const seen = new Set<string>()
  fc.assert(
    fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 999 })), (thousandths) => {
      const mangled = mangle(message, () => thousandths.next().value / 1000)
      seen.add(mangled.toString('latin1'))
      return mangled.subarray(0, 2).equals(message.subarray(0, 2))
    }),
  )
  expect(seen.size).toBeGreaterThan(50)
})
