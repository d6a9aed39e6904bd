import { EventEmitter, once } from 'node:events'
import { connect, createServer, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isOptionError } from '../../src/errors.ts'
import { replay } from '../../src/http/express.ts'
import { withReplay, type ReplayPolicy, type ReplayPool } from '../../src/http/index.ts'
import { runCounted } from '../../src/replay/count-primary-trips.ts'
import { createTripCounter } from '../../src/replay/trip-counter.ts'

test('a failed replay keeps others here if it names this machine, and not if a client makes it up', async () => {
  vi.stubEnv('FLY_MACHINE_ID', '00bb33ff')
  onTestFinished(() => void vi.unstubAllEnvs())
  const servers = [{ region: 'nrt', writeTo: true, readOnly: false }]
  const pool: ReplayPool = {
    on: () => undefined,
    beforeWrite: (_, work) => work(),
    status: () => ({ region: 'syd', servers }),
  }
  const handle = withReplay(pool, () => new Response('done'), { policy: 'always' })
  const post = async (failure?: string): Promise<number> => {
    const failed: Record<string, string> = failure === undefined ? {} : { 'fly-replay-failed': failure }
    const headers = { 'fly-region': 'syd', ...failed }
    return (await handle(new Request('https://example.com/', { method: 'POST', headers }))).status
  }
  expect([await post('replay_source=x;reason=timeout'), await post()]).toEqual([200, 409])
  expect([await post('app=a;replay_source=00bb33ff;reason=timeout'), await post()]).toEqual([200, 200])
})

test('a statement counts for every middleware that its request is in', () => {
  const pool = new EventEmitter()
  const [outer, inner] = [createTripCounter(), createTripCounter()]
  const event = { durationMs: 0, servedBy: { role: 'primary', attempts: 1 } }
  runCounted(pool, outer, () => {
    runCounted(pool, inner, () => pool.emit('query', event))
    pool.emit('query', event)
  })
  expect([outer.trips, inner.trips]).toEqual([2, 1])
})

/** A pool in syd, whose writes go to nrt. */
const inSydney: ReplayPool = {
  on: () => undefined,
  beforeWrite: (_, work) => work(),
  status: () => ({ region: 'syd', servers: [{ region: 'nrt', writeTo: true, readOnly: false }] }),
}

test.each(['POST', undefined, Promise.resolve('always')])('a policy that returns %o is none', async (returned) => {
  const policy = (): ReplayPolicy => returned as ReplayPolicy
  const handle = withReplay(inSydney, () => new Response('done'), { policy })
  await expect(handle(new Request('https://example.com/'))).rejects.toSatisfy(isOptionError)
})

test.each([
  ['without its length', { 'fly-region': 'syd' }, 200],
  ['with its length', { 'fly-region': 'syd', 'content-length': '5' }, 409],
])('a body that comes %s by HTTP/2', async (_, headers, expected) => {
  const middleware = replay(inSydney, { policy: 'always' })
  const server = createServer((request, response) => middleware(request, response, () => response.end()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    const stream = client.request({ ':method': 'POST', ...headers })
    const answered = once(stream, 'response') as Promise<[IncomingHttpHeaders & IncomingHttpStatusHeader]>
    stream.end('hello')
    expect((await answered)[0][':status']).toBe(expected)
  } finally {
    client.destroy()
    server.close()
  }
})

test('what listens may throw', async () => {
  const pool: ReplayPool = {
    on: () => undefined,
    beforeWrite: (_, work) => work(),
    status: () => ({ region: undefined, servers: [] }),
  }
  const onDecision = (): never => {
    throw new Error('oops')
  }
  const response = await withReplay(pool, () => new Response('done'), { onDecision })(
    new Request('https://example.com/'),
  )
  expect(await response.text()).toBe('done')
})

test.each([
  [undefined, {}, 'pool'],
  [{}, {}, 'pool'],
  ['pool', { policy: 'sometimes' }, 'policy'],
  ['pool', { routeOf: 1 }, 'routeOf'],
  ['pool', { redirect: 'https://nrt.example.com' }, 'redirect'],
  ['pool', { redirect: {} }, 'redirect'],
  ['pool', { redirect: { nrt: 'nrt.example.com' } }, 'redirect'],
  ['pool', { redirect: { nrt: 'https://nrt.example.com/path' } }, 'redirect'],
  ['pool', { redirect: { nrt: 'https://ada:secret@nrt.example.com' } }, 'redirect'],
  ['pool', { redirect: { nrt: 'ftp://nrt.example.com' } }, 'redirect'],
  ['pool', { polcy: 'cost' }, 'options'],
  ['pool', 'cost', 'options'],
])('%j with %j is refused', (given, options, option) => {
  const pool = given === 'pool' ? { status: () => ({}), on: () => undefined } : given
  const make = (): unknown => withReplay(pool as unknown as ReplayPool, () => new Response(), options as object)
  expect(make).toThrow(expect.objectContaining({ option }))
  expect(make).toThrow(expect.toSatisfy(isOptionError))
})
