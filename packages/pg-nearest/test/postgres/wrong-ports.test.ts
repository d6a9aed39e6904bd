import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPoolOptions, type ProblemCode } from '../../src/index.ts'
import { administer, nextProblem } from './fixtures.ts'
import { pgbouncer, startBouncers } from './pgbouncer-rig.ts'
import { freePort } from './programs.ts'
import { rejectionOf } from './settling.ts'
import { startPeer, type PeerKind } from './wrong-peers.ts'

const BOUND_MS = 20_000
/** The built program, as npx would run it. */
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', rtt: 2 })
})
afterAll(() => world.stop())

const SECRET = 'hush-hush'

function urlTo(port: number | string, parameters = '', host = '127.0.0.1'): string {
  return `postgres://app:${SECRET}@${host}:${port}/app${parameters}`
}

function poolOf(ord: string): NearestPoolOptions {
  return { ...world.poolOptions('nrt'), replicas: { ord }, connectTimeoutMs: 700, failoverTimeoutMs: 0 }
}

/** What a problem event, the status, an error and doctor say of it, which is the same; bounded by a time. */
async function saysOf(url: string): Promise<{ code: ProblemCode; message: string }> {
  await using pool = createPool(poolOf(url))
  const { code, message } = await nextProblem(pool, 'ord')
  const [, ord] = (await pool.refresh()).servers
  expect(ord).toMatchObject({ problem: message, problemCode: code, health: 'down' })
  await using alone = createPool({ primary: url, connectTimeoutMs: 700, failoverTimeoutMs: 0 })
  const refused = await rejectionOf(alone.query('select 1'), 'a read', BOUND_MS)
  expect(refused).toMatchObject({ code: 'NEAREST_NO_SERVER' })
  expect(String(refused)).toContain(message.slice('ord'.length))
  return { code, message }
}

interface Wrong {
  readonly peer: PeerKind
  readonly parameters?: string
  readonly code: ProblemCode
  readonly says: string
}

test('a server that wants a login which pg does not know is told, and the process lives', async () => {
  await using server = await startPeer('gssapi')
  const { code, message } = await saysOf(urlTo(server.port))
  expect(code).toBe('NEAREST_UNUSABLE')
  expect(message).toContain('such as GSSAPI: look at its pg_hba.conf')
})

const FORK_SAYS = 'could not fork new process for connection: [31mCannot allocate memory'

describe('a server that cannot start a process for a connection is alive, and has none left', () => {
  test.each<{ peer: PeerKind; parameters?: string; says: string }>([
    { peer: 'forkless', says: FORK_SAYS },
    { peer: 'forklessInPieces', says: FORK_SAYS },
    // Nobody knows yet who that is.
    { peer: 'forkless', parameters: '?sslmode=require', says: 'could not start a process for the connection' },
  ])('$peer $parameters', async ({ peer, parameters, says }) => {
    await using wrong = await startPeer(peer)
    const { code, message } = await saysOf(urlTo(wrong.port, parameters))
    expect(code).toBe('NEAREST_FULL')
    expect(message).toBe(
      `ord has no connection left (${says}): raise what its machine allows it (memory, processes), or lower "max".`,
    )
  })

  test('is told so to whoever asks it', async () => {
    await using wrong = await startPeer('forkless')
    await using pool = createPool({ primary: urlTo(wrong.port), connectTimeoutMs: 700, failoverTimeoutMs: 0 })
    const refused = await rejectionOf(pool.query('select 1'), 'a read', BOUND_MS)
    expect(refused).toMatchObject({
      code: 'NEAREST_NO_SERVER',
      attempts: [{ error: { code: '53300', severity: 'FATAL', message: FORK_SAYS } }],
    })
  })
})

describe('a wrong port is told by what answers there', () => {
  test.each<Wrong>([
    { peer: 'http', code: 'NEAREST_NOT_POSTGRES', says: 'speaks HTTP' },
    { peer: 'http', parameters: '?sslmode=require', code: 'NEAREST_NOT_POSTGRES', says: 'speaks HTTP' },
    { peer: 'alert', code: 'NEAREST_TLS_ONLY', says: 'expects TLS from the first byte on' },
    { peer: 'alert', parameters: '?sslmode=require', code: 'NEAREST_TLS_ONLY', says: 'expects TLS' },
    { peer: 'https', code: 'NEAREST_CLOSED_PORT', says: 'So does a port that takes only TLS' },
    { peer: 'https', parameters: '?sslmode=require', code: 'NEAREST_CLOSED_PORT', says: 'closed the connection' },
    { peer: 'ssh', code: 'NEAREST_NOT_POSTGRES', says: 'speaks SSH' },
    { peer: 'ssh', parameters: '?sslmode=require', code: 'NEAREST_NOT_POSTGRES', says: 'speaks SSH' },
    { peer: 'mysql', code: 'NEAREST_NOT_POSTGRES', says: "speaks MySQL's protocol" },
    { peer: 'redis', code: 'NEAREST_NOT_POSTGRES', says: "speaks Redis's protocol" },
    { peer: 'endlessError', code: 'NEAREST_NOT_POSTGRES', says: 'sends what is no message' },
    { peer: 'unclosedNotice', code: 'NEAREST_NOT_POSTGRES', says: 'sends what is no message' },
    { peer: 'short', code: 'NEAREST_NOT_POSTGRES', says: 'speaks another protocol' },
    { peer: 'errorLine', code: 'NEAREST_NOT_POSTGRES', says: 'speaks another protocol' },
    { peer: 'hangUp', code: 'NEAREST_CLOSED_PORT', says: 'closed the connection on port' },
    { peer: 'silent', code: 'NEAREST_SILENT_PORT', says: 'and says nothing' },
  ])('$peer $parameters: $code', async ({ peer, parameters, code, says }) => {
    await using wrong = await startPeer(peer)
    const said = await saysOf(urlTo(wrong.port, parameters))
    expect(said.code).toBe(code)
    expect(said.message).toContain(says)
    expect(said.message).toContain(`port ${wrong.port} of 127.0.0.1`)
  })

  test.each<{ peer: PeerKind }>([{ peer: 'endless' }, { peer: 'endlessTail' }])(
    'one that sends for ever ($peer) is cut off at once',
    async ({ peer }) => {
      await using wrong = await startPeer(peer)
      // Where others have both cores, so much takes seconds to read.
      const patient = { probeIntervalMs: 5_000, connectTimeoutMs: 10_000, probeTimeoutMs: 10_000 }
      await using pool = createPool({ ...poolOf(urlTo(wrong.port)), ...patient })
      expect(await nextProblem(pool, 'ord')).toMatchObject({ code: 'NEAREST_NOT_POSTGRES' })
      // What was on its way in the sockets' buffers, and not what two seconds would carry.
      expect(wrong.sent).toBeLessThan(50_000_000)
    },
  )

  test('nothing listens there', async () => {
    const port = await freePort()
    expect(await saysOf(urlTo(port))).toEqual({
      code: 'NEAREST_NOTHING_LISTENS',
      message: `ord refused the connection: nothing listens on port ${port} of 127.0.0.1. Check that it runs, and whether the port is right.`,
    })
  })

  test('the certificate is not trusted', async () => {
    await using untrusted = await startPeer('untrusted')
    const { code, message } = await saysOf(urlTo(untrusted.port, '?sslmode=verify-full'))
    expect(code).toBe('NEAREST_CERTIFICATE')
    // Node 24 adds to it in the parentheses.
    expect(message).toMatch(/\(self-signed certificate\b[^)]*\): give the CA that has signed it/)
  })

  test('the file of its CA is not there, which is no wrong port', async () => {
    expect(await saysOf(urlTo(5432, '?sslmode=verify-full&sslrootcert=/no/file.pem'))).toEqual({
      code: 'NEAREST_FILE',
      message:
        'ord cannot be connected to without a file /no/file.pem (ENOENT): check sslrootcert, sslcert and sslkey in its URL.',
    })
  })

  test('a role, or a database, that may have no more connections', async () => {
    // Only a superuser may make another role.
    await administer(world, 'nrt', `create role clerk login password '${SECRET}' connection limit 0`)
    const clerk = world.url('nrt').replace(/app:[^@]*@/, `clerk:${SECRET}@`)
    const role = await saysOf(clerk)
    expect(role.message).toContain("raise the role's limit (ALTER ROLE … CONNECTION LIMIT)")
    await administer(world, 'nrt', 'alter role clerk connection limit -1; alter database app connection limit 0')
    const database = await saysOf(clerk)
    await administer(world, 'nrt', 'alter database app connection limit -1')
    expect(database.message).toContain("raise the database's limit (ALTER DATABASE … CONNECTION LIMIT)")
    expect([role.code, database.code]).toEqual(['NEAREST_FULL', 'NEAREST_FULL'])
  })

  test('the name has no address', async () => {
    const said = await saysOf(urlTo(5432, '', 'nowhere.invalid'))
    expect(said).toMatchObject({ code: 'NEAREST_HOST_NOT_FOUND' })
  })

  test('doctor names it, as text and as JSON', async () => {
    await using wrong = await startPeer('http')
    const servers = ['--primary', `nrt=${world.url('nrt')}`, '--replica', `ord=${urlTo(wrong.port)}`]
    const doctor = async (...args: string[]): Promise<string> => {
      const ran = promisify(execFile)(process.execPath, [program, 'doctor', ...servers, ...args])
      return ran.then(
        ({ stdout }) => stdout,
        (error: { stdout: string }) => error.stdout,
      )
    }
    const says = `is not PostgreSQL: what answers on port ${wrong.port} of 127.0.0.1 speaks HTTP. Check the port.`
    expect(await doctor()).toContain(`${says} (NEAREST_NOT_POSTGRES)`)
    const { checks } = JSON.parse(await doctor('--json')) as { checks: object[] }
    expect(checks).toContainEqual(
      expect.objectContaining({ server: 'ord', verdict: 'bad', message: says, code: 'NEAREST_NOT_POSTGRES' }),
    )
  })
})

describe.skipIf(pgbouncer === undefined)('a pooler’s console', () => {
  test('in a database’s place', async () => {
    await using bouncers = await startBouncers(world, 'transaction', { admin: true })
    const { primary } = bouncers.poolOptions('nrt') as { primary: { url: string } }
    const url = Object.assign(new URL(primary.url), { pathname: '/pgbouncer' }).href
    const { code, message } = await saysOf(url)
    expect(code).toBe('NEAREST_ADMIN_CONSOLE')
    expect(message).toContain("write the database's name at the end of its URL")
  })
})
