import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isNotReplicatedError, type NearestPool } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { errorOf, within } from './settling.ts'
import { TestPools } from './test-pools.ts'

let world: World
let pool: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams', 'syd'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
  pool = await pools.start(world.poolOptions('ord'))
})
afterAll(async () => {
  await pools.destroyAll()
  await world.stop()
})
afterEach(async () => {
  await world.resumeReplay('ord').catch(() => undefined)
})

const write = (): Promise<unknown> => ask(world.url('nrt'), 'insert into notes values (1)')

/** Who is missing, and why. */
async function missing(options: Parameters<NearestPool['replicated']>[0]): Promise<unknown> {
  const error = await errorOf(10_000, 'replicated()', pool.replicated(options))
  return isNotReplicatedError(error) ? error.missing : error
}

describe('waiting until every replica shows what the primary has', () => {
  test('resolves when they do, also for what another process has written', async () => {
    await write()
    await pool.replicated()
    for (const region of ['ord', 'ams', 'syd']) {
      expect((await ask(world.url(region), 'select from notes')).length).toBe(
        (await ask(world.url('nrt'), 'select from notes')).length,
      )
    }
  })

  test('waits for one that is paused, and says so when the time is over', async () => {
    await world.pauseReplay('ord')
    await write()
    expect(await missing({ timeoutMs: 300 })).toEqual([
      { server: 'ord', why: expect.stringMatching(/^it is \d+ bytes behind$/) },
    ])
    const waiting = pool.replicated({ timeoutMs: 10_000 })
    await world.resumeReplay('ord')
    await waiting
  })

  test('does not wait for one that leaves the list meanwhile, and does not pass it where it was named', async () => {
    const { primary, replicas } = world.poolOptions('ord')
    const others = Object.fromEntries(Object.entries(replicas).filter(([region]) => region !== 'ord'))
    await world.pauseReplay('ord')
    await write()
    const all = pool.replicated({ timeoutMs: 10_000 })
    const named = missing({ servers: ['ord'], timeoutMs: 10_000 })
    await expect(Promise.race([all, sleep(200)])).resolves.toBeUndefined()
    pool.setServers({ primary, replicas: others })
    await within(3_000, 'replicated()', all)
    expect(await within(3_000, 'replicated()', named)).toEqual([{ server: 'ord', why: 'it is in the list no more' }])
    pool.setServers({ primary, replicas })
    await world.resumeReplay('ord')
    await pool.replicated()
  })

  test('does not pass one that receives nothing, or does not answer', async () => {
    world.partition('nrt', 'ams')
    await world.kill('syd')
    await write()
    expect(await missing({ timeoutMs: 300 })).toEqual([
      { server: 'ams', why: expect.stringMatching(/^it is \d+ bytes behind$/) },
      { server: 'syd', why: expect.stringMatching(/^it (?:refused|closed) the connection/) },
    ])
    world.heal('nrt', 'ams')
    await world.start('syd')
    await pool.replicated({ timeoutMs: 10_000 })
  })

  test('asks only who is named, and for the position that is named', async () => {
    const session = pool.session()
    await session.query('insert into notes values (2)')
    await pool.replicated()
    await world.pauseReplay('ord')
    await write()
    await pool.replicated({ servers: ['ams', 'syd'], timeoutMs: 2_000 })
    await pool.replicated({ bookmark: session.bookmark() ?? undefined, servers: ['ams', 'syd'], timeoutMs: 2_000 })
  })

  test('ends with its signal, and refuses what it cannot understand', async () => {
    await world.pauseReplay('ord')
    await write()
    const reason = new Error('enough')
    expect(await errorOf(5_000, 'it', pool.replicated({ signal: AbortSignal.abort(reason) }))).toBe(reason)
    const soon = AbortSignal.timeout(100)
    expect(await errorOf(5_000, 'it', pool.replicated({ signal: soon }))).toBe(soon.reason)
    for (const options of [
      { timeoutMs: -1 },
      { servers: ['fra'] },
      { servers: 'ord' },
      { bookmark: 'unknown' },
      { timeout: 1 },
    ]) {
      expect(await errorOf(1_000, 'it', pool.replicated(options as object))).toMatchObject({
        code: 'NEAREST_BAD_OPTION',
      })
    }
  })

  describe('a server that is silent', () => {
    let far: NearestPool
    beforeEach(async () => {
      far = await pools.start({ ...world.poolOptions('ord'), probeTimeoutMs: 20_000 })
    })
    afterEach(() => {
      world.heal('nrt', 'ord')
      world.heal('ams', 'ord')
    })

    test.each([
      { silent: 'ams', missing: [{ server: 'ams', why: 'it does not answer' }] },
      { silent: 'nrt', missing: [{ server: 'nrt', why: 'no server says that it is the primary' }] },
    ])('does not keep it beyond its time, nor beyond its signal: $silent', async ({ silent, missing: who }) => {
      world.partition(silent, 'ord')
      const servers = ['ams']
      expect(await errorOf(5_000, 'it', far.replicated({ timeoutMs: 200, servers }))).toMatchObject({
        code: 'NEAREST_NOT_REPLICATED',
        missing: who,
      })
      const soon = AbortSignal.timeout(100)
      expect(await errorOf(5_000, 'it', far.replicated({ signal: soon, servers }))).toBe(soon.reason)
    })

    test('does not keep it beyond the end of the pool, and the end does not wait for it', async () => {
      world.partition('ams', 'ord')
      const waiting = errorOf(5_000, 'it', far.replicated({ servers: ['ams'] }))
      await Promise.resolve()
      await within(5_000, 'end()', far.end())
      expect(await waiting).toMatchObject({ code: 'NEAREST_ENDED' })
    })
  })

  test.each(['end', 'destroy'] as const)('%s() ends it at once, and afterwards it is refused', async (how) => {
    await world.pauseReplay('ord')
    await write()
    const short = await pools.start(world.poolOptions('ord'))
    const waiting = errorOf(5_000, 'it', short.replicated())
    await until(() => short.status().servers.length === 4, 'the servers')
    await short[how]()
    expect(await waiting).toMatchObject({ code: 'NEAREST_ENDED' })
    expect(await errorOf(5_000, 'it', short.replicated())).toMatchObject({ code: 'NEAREST_ENDED' })
  })

  test('a longer time than a timer of Node can take is no shorter one', async () => {
    await write()
    await pool.replicated({ timeoutMs: 2 ** 40 })
  })

  test('with no time at all each is asked once', async () => {
    await pool.replicated()
    await pool.replicated({ timeoutMs: 0 })
    await world.pauseReplay('ord')
    await write()
    expect(await missing({ timeoutMs: 0, servers: ['ord'] })).toEqual([
      { server: 'ord', why: expect.stringMatching(/^it is \d+ bytes behind$/) },
    ])
  })

  test('with one database there is nobody to wait for', async () => {
    await pools.create({ primary: world.url('nrt') }).replicated({ timeoutMs: 0 })
  })

  test('says that no primary answers', async () => {
    const alone = await pools.start({
      primary: { region: 'xxx', url: 'postgres://app@127.0.0.1:1/app' },
      replicas: { ord: world.url('ord') },
    })
    expect(await errorOf(10_000, 'it', alone.replicated({ timeoutMs: 200 }))).toMatchObject({
      code: 'NEAREST_NOT_REPLICATED',
      missing: [
        { server: 'xxx', why: expect.stringMatching(/^it refused the connection: nothing listens on port 1 /) },
      ],
      message: expect.stringMatching(/^The primary's position was not learned within 0\.2 s\. xxx: it refused/),
    })
  })

  test('says what keeps a server from being asked, and waits no longer where that does not help', async () => {
    const wrong = world.url('ord').replace(/app:[^@]*@/, 'app:wrong@')
    const [primary, nobody] = [{ region: 'nrt', url: world.url('nrt') }, 'postgres://app@nowhere.invalid/app']
    const unheard = await pools.start({ primary, replicas: { ord: wrong, ams: nobody } })
    const problems = (): number => unheard.status().servers.filter(({ problem }) => problem !== undefined).length
    await until(() => problems() === 2, 'both to have failed')
    expect(await errorOf(10_000, 'it', unheard.replicated({ timeoutMs: 300 }))).toMatchObject({
      missing: [
        { server: 'ord', why: expect.stringMatching(/^it refused the user or the password/) },
        { server: 'ams', why: expect.stringContaining('not found') },
      ],
    })
    const bookmark = pool.bookmark()
    // Only a superuser may take a right away from everybody.
    await administer(world, 'nrt', 'revoke execute on function pg_control_system() from public')
    await caughtUp(world)
    const refused = await pools.start(world.poolOptions('ord'))
    expect(await errorOf(10_000, 'it', refused.replicated({ timeoutMs: 60_000 }))).toMatchObject({
      message: expect.stringMatching(/^The primary's position was not learned\. nrt: it does not tell its position/),
      missing: [{ server: 'nrt', why: expect.stringContaining('GRANT EXECUTE ON FUNCTION pg_control_system()') }],
    })
    expect(await errorOf(10_000, 'it', refused.replicated({ bookmark, timeoutMs: 60_000 }))).toMatchObject({
      message: expect.stringMatching(/^Not every server showed [\dA-F]+\/[\dA-F]+\. /),
    })
    await administer(world, 'nrt', 'grant execute on function pg_control_system() to public')
  })
})
