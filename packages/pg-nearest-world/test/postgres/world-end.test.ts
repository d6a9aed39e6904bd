import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { until } from './world-support.ts'

const built = new URL('../../dist/index.js', import.meta.url)
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
/** Somebody else may not be able to enter this checkout. */
const nobodyReads = isRoot && spawnSync('test', ['-r', built.pathname], { uid: NOBODY, gid: NOBODY }).status === 0

/** Starts a world, says where it is, and does nothing more. */
const PROGRAM = `
import { startWorld } from '${built.href}'
const world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
const status = await world.status()
const { default: pg } = await import('pg')
// A superuser may know where the data is.
const client = new pg.Client({ connectionString: world.url('ord', { as: 'superuser' }) })
await client.connect()
const { rows } = await client.query("select current_setting('data_directory') as folder")
await client.end()
console.log(JSON.stringify({ folder: rows[0].folder.slice(0, -4), pids: status.map(({ pid }) => pid) }))
process.stdin.on('data', (line) => line.toString().trim() === 'throw' && setTimeout(() => { throw new Error('on purpose') }))
process.stdin.on('data', async (line) => line.toString().trim() === 'stop' && (await world.stop(), process.exit()))
`

interface Other {
  readonly child: ChildProcess
  readonly folder: string
  readonly pids: readonly number[]
  /** `undefined` if its cache is in its temporary folder. */
  readonly sharedCache: string | undefined
}

let folder: string
const children: ChildProcess[] = []

/** Initialising a data directory takes longer than all the rest: most tests share one. */
let cache: string

beforeAll(async () => {
  if (!existsSync(built)) throw new Error('The package is not built. Run: npm run build')
  cache = await mkdtemp(join(tmpdir(), 'pg-nearest-world-test-cache-'))
})
afterAll(() => rm(cache, { recursive: true, force: true }))
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

/** A world in a process of its own, with a temporary folder of its own that shows what is left in it. */
async function other(user: { uid?: number; gid?: number } = {}, sharedCache?: string): Promise<Other> {
  folder = await mkdtemp(join(tmpdir(), 'pg-nearest-world-test-'))
  await chmod(folder, 0o777)
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    ...user,
    cwd: new URL('.', built),
    env: { ...process.env, TMPDIR: folder, HOME: folder, PG_NEAREST_WORLD_CACHE: sharedCache },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  children.push(child)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${errors}`)))
  })
  return { child, sharedCache, ...JSON.parse(line) }
}

function lives(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

async function expectNothingLeft({ folder: run, pids, sharedCache }: Other): Promise<void> {
  const named = (): string[] => {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })
    return stdout.split('\n').filter((args) => args.includes(run))
  }
  await until(async () => pids.every((pid) => !lives(pid)) && !existsSync(run) && named().length === 0)
  // It leaves its cache, and nothing else.
  const left = (await readdir(folder)).filter((name) => !name.startsWith('node-compile-cache'))
  expect(left).toEqual(sharedCache === undefined ? [expect.stringMatching(/^pg-nearest-world-\d+$/)] : [])
}

test.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)('nothing is left after %s to the process', async (signal) => {
  const world = await other({}, cache)
  expect(world.pids.map(lives)).toEqual([true, true])
  world.child.kill(signal)
  await expectNothingLeft(world)
})

test('nothing is left but the cache', async () => {
  const world = await other()
  world.child.stdin?.write('stop\n')
  await expectNothingLeft(world)
})

test.each(['throw', 'stop'])('nothing is left after %s', async (command) => {
  const world = await other({}, cache)
  world.child.stdin?.write(`${command}\n`)
  await expectNothingLeft(world)
})

test.runIf(nobodyReads)('it runs as a user without rights or a home', async () => {
  const world = await other({ uid: NOBODY, gid: NOBODY })
  const { stdout } = spawnSync('ps', ['-o', 'uid=', '-p', world.pids.join(',')], { encoding: 'utf8' })
  expect(stdout.trim().split(/\s+/)).toEqual([String(NOBODY), String(NOBODY)])
  world.child.kill('SIGKILL')
  await expectNothingLeft(world)
})

test.runIf(isRoot)('as root it runs its servers as somebody else', async () => {
  const world = await other({}, cache)
  const { stdout } = spawnSync('ps', ['-o', 'uid=', '-p', world.pids.join(',')], { encoding: 'utf8' })
  expect(stdout.trim().split(/\s+/)).not.toContain('0')
  world.child.stdin?.write('stop\n')
  await expectNothingLeft(world)
})
