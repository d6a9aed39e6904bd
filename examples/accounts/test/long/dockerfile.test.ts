import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { copyOf, isIgnored, matchesOf, stagesIn, type Stage } from '../deploy/dockerfile.ts'

/** What the Dockerfile says, in folders instead of images: the same COPY and RUN, one after the other. */
const app = fileURLToPath(new URL('../..', import.meta.url))
const root = join(app, '../..')
const stages = stagesIn(readFileSync(join(app, 'Dockerfile'), 'utf8'))
const ignore = readFileSync(join(app, 'Dockerfile.dockerignore'), 'utf8')
const scratch = mkdtempSync(join(tmpdir(), 'accounts-image-'))

interface Built {
  /** Stands for `/`. */
  readonly folder: string
  readonly workdir: string
  readonly env: NodeJS.ProcessEnv
}

const built = new Map<string, Built>()
let world: World

async function build(stage: Stage, i: number): Promise<Built> {
  const folder = join(scratch, stage.name ?? String(i))
  mkdirSync(folder)
  const before = built.get(stage.from)
  if (before !== undefined) cpSync(before.folder, folder, { recursive: true, verbatimSymlinks: true })
  let workdir = before?.workdir ?? '/'
  const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
  for (const step of stage.steps) {
    if (step.instruction === 'WORKDIR') {
      workdir = step.text
      mkdirSync(join(folder, workdir), { recursive: true })
    }
    if (step.instruction === 'ENV') {
      Object.assign(env, Object.fromEntries(step.text.split(' ').map((pair) => pair.split('='))))
    }
    if (step.instruction === 'COPY') {
      const { from, sources, target } = copyOf(step)
      const origin = from === undefined ? root : (built.get(from)?.folder ?? '')
      for (const source of sources.flatMap((each) => matchesOf(origin, each)))
        copy(origin, source, join(folder, resolve(workdir, target)), target, from)
    }
    if (step.instruction === 'RUN') {
      await promisify(execFile)('sh', ['-c', step.text], { cwd: join(folder, workdir), env })
    }
  }
  return { folder, workdir, env }
}

/** A file goes into a target that ends with a slash; of a folder its content does. */
function copy(origin: string, source: string, target: string, written: string, from: string | undefined): void {
  const path = join(origin, source)
  const isFile = /\.[a-z]+$/.test(source)
  const to = isFile && /\/$|^\.$/.test(written) ? join(target, source.split('/').at(-1) ?? '') : target
  mkdirSync(dirname(to), { recursive: true })
  const filter = (each: string): boolean => from !== undefined || !isIgnored(relative(root, each), ignore)
  cpSync(path, to, { recursive: true, verbatimSymlinks: true, filter })
}

beforeAll(async () => {
  for (const [i, stage] of stages.entries()) built.set(stage.name ?? 'image', await build(stage, i))
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
}, 600_000)
afterAll(async () => {
  await world?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

test('the image releases, serves, is asked by pg-nearest, and stops when it is told to', async () => {
  const image = built.get('image')
  if (image === undefined) throw new Error('The last stage has a name')
  const cwd = join(image.folder, image.workdir)
  const { primary, replicas } = world.poolOptions('ord')
  const port = await freePort()
  const env = {
    ...image.env,
    PORT: String(port),
    PRIMARY_REGION: 'nrt',
    FLY_REGION: 'ord',
    DATABASE_URL: primary.url,
    REPLICA_REGIONS: 'ord',
    DATABASE_URL_ORD: replicas['ord'],
  }
  const released = await promisify(execFile)('npm', ['run', 'release'], { cwd, env })
  expect(released.stdout).toMatch(/The database is up to date\.\nEvery replica shows it, after/)

  const server = spawn('node', ['--enable-source-maps', 'dist/main.js'], { cwd, env })
  onTestFinished(() => void server.kill('SIGKILL'))
  const gone = once(server, 'exit')
  const get = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  await vi.waitFor(async () => expect(await get('/health')).toBe('ok'), { timeout: 20_000, interval: 100 })
  expect(await get('/users')).toMatch(/read from ord \(replica\)/)

  const doctor = await promisify(execFile)('npx', ['pg-nearest', 'doctor'], { cwd, env })
  expect(doctor.stdout).toContain('Reads from ord go to ord.')
  const bench = await promisify(execFile)('npx', ['pg-nearest', 'bench', '--time', '0.2', '--warmup', '0'], {
    cwd,
    env,
  })
  expect(bench.stdout).toMatch(/^ord .*\nnrt /m)

  server.kill('SIGTERM')
  expect(await gone).toEqual([0, null])
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
