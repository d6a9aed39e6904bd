import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withUsers } from './fixtures.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const run = promisify(execFile)

let world: World
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-nearest-copies-'))
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
})
afterAll(async () => {
  await world.stop()
  await rm(folder, { recursive: true, force: true })
})

/** As npm would pack it. */
async function packed(): Promise<string> {
  const to = join(folder, 'packed')
  await mkdir(to)
  const from = join(root, 'packages/pg-nearest')
  await cp(join(from, 'dist'), join(to, 'dist'), { recursive: true })
  await cp(join(from, 'package.json'), join(to, 'package.json'))
  await run(process.execPath, [join(root, 'scripts/pack.mjs')], { cwd: to })
  await rm(join(to, '.dist'), { recursive: true })
  return to
}

/** As npm would install it. */
async function install(from: string, app: string, version: string): Promise<string> {
  const to = join(folder, app)
  const installed = join(to, 'node_modules/pg-nearest')
  await cp(from, installed, { recursive: true })
  const manifest = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as object
  await writeFile(join(installed, 'package.json'), JSON.stringify({ ...manifest, version }))
  await symlink(join(root, 'node_modules/pg'), join(to, 'node_modules/pg'))
  return to
}

test('two versions in one process, and both forms of one: one session, one registry, errors known by what they are', async () => {
  const from = await packed()
  const [newer, older] = [await install(from, 'newer', '0.2.0'), await install(from, 'older', '0.1.0')]
  await world.pauseReplay('ord')
  const program = fileURLToPath(new URL('../copies/app.cjs', import.meta.url))
  const { stdout } = await run(process.execPath, [program, JSON.stringify(world.poolOptions('ord')), newer, older])
  expect(JSON.parse(stdout)).toEqual({
    versions: ['0.2.0', '0.1.0'],
    oneCopyOfBothForms: true,
    twoCopies: true,
    recognised: [true, true, false],
    itsOwn: true,
    seen: [[{ name: 'Barbara' }], [{ name: 'Barbara' }]],
    machines: 2,
  })
})
