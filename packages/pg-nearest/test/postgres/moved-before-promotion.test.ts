import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { startNameSwitch, type NameSwitch } from './name-switch.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A writer's name that leads to a standby, and only then that is promoted: the old primary goes on, and what it acknowledges is lost. */
let world: World
let name: NameSwitch
const pools = new TestPools()
beforeEach(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
  name = await startNameSwitch(world.url('nrt'))
})
afterEach(async () => {
  await pools.destroyAll()
  await name[Symbol.asyncDispose]()
  await world.stop()
})

const SLOW = 'insert into notes select 77 from pg_sleep(4)'

test('what the old primary runs on a connection that was dialled later than one to the new one is not acknowledged', async () => {
  const pool = await pools.start({
    region: 'ams',
    primary: { region: 'primary', url: name.url },
    replicas: { ams: world.url('ams') },
    failoverTimeoutMs: 20_000,
    connectTimeoutMs: 15_000,
    application_name: 'moved',
  })
  await pool.query('select from notes')
  const early = name.hold()
  await administer(
    world,
    'nrt',
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'moved'",
  )
  await until(() => early.count > 0, 'the probe to dial')
  // As by an old answer of a name server.
  name.leadTo(world.url('nrt'))
  const writes = Array.from({ length: 5 }, () => pool.query(SLOW))
  const outcomes = Promise.allSettled(writes)
  const running = `select from pg_stat_activity where state = 'active' and query = '${SLOW}'`
  await until(async () => (await ask(world.url('nrt'), running)).length > 0, 'a write to run')
  early.letGo(world.url('ord'))
  const isStandby = (): boolean =>
    pool.status().servers.some(({ name: its, role }) => its === 'primary' && role === 'replica')
  await until(isStandby, 'the name to be a standby')
  name.leadTo(world.url('ord'))
  await administer(world, 'ord', 'select pg_promote()')
  const acknowledged = (await within(20_000, 'the writes', outcomes)).filter(({ status }) => status === 'fulfilled')
  expect(await ask(world.url('ord'), 'select from notes')).toHaveLength(acknowledged.length)
})
