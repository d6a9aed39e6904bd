import { execFile, type ExecFileOptions } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withUsers } from '../postgres/fixtures.ts'
import { isInRegistry, quickly } from './npm-registry.ts'
import { packPackages } from './pack-packages.ts'

const execute = promisify(execFile)
/** With all that it has printed, if it fails. */
const run = (program: string, argv: readonly string[], options: ExecFileOptions = {}): Promise<{ stdout: string }> =>
  execute(program, argv, { ...options, encoding: 'utf8' }).catch((error: Error & { stdout?: string }) => {
    throw new Error(`${error.message}\n${error.stdout}`, { cause: error })
  })
const TOOLS = ['jest@30.5.2', 'typescript@5.9.3', 'ts-node@10.9.2', '@types/node@20.19.43', 'pg@8.23.1']

const isReachable = await isInRegistry('jest')
if (!isReachable) console.warn('No registry of npm, from which Jest could be installed, so CommonJS is not tested.')

const APP = `
import { createPool, isOptionError, NearestError, type NearestPool } from 'pg-nearest'
import { session } from 'pg-nearest/express'

export const pool: NearestPool = createPool(JSON.parse(process.env.POOL ?? '{}'))
export const middleware = session(pool)
export async function names(): Promise<string[]> {
  const { rows, servedBy } = await pool.query<{ name: string }>('select name from users order by id')
  const region: string | undefined = servedBy.region
  // @ts-expect-error -- no type is any
  const wrong: number = rows
  return [region ?? 'nowhere', ...rows.map(({ name }) => name)]
}
export const told = (error: unknown): boolean => error instanceof NearestError && isOptionError(error)
`

const JEST = `
const { createPool, isNearestError } = require('pg-nearest')
const { names, pool, told } = require('./app.js')

afterAll(() => pool.end())
test('reads, in a session, and knows errors', async () => {
  expect(await names()).toEqual(['ord', 'Ada', 'Grace', 'Edsger'])
  const name = await pool.session(undefined, async () => {
    await pool.query("insert into users (name) values ('Jest')")
    return (await pool.query("select name from users where name = 'Jest'")).rows
  })
  expect(name).toEqual([{ name: 'Jest' }])
  let error
  try { createPool({ primary: 5 }) } catch (thrown) { error = thrown }
  expect([told(error), isNearestError(error)]).toEqual([true, true])
})
`

/** Those whose types need nothing that is not installed here. */
const DOORS = [
  'aurora',
  'bookmark-table',
  'dns',
  'drizzle',
  'express',
  'fastify',
  'fly',
  'hono',
  'http',
  'kysely',
  'next',
  'patroni',
  'pg-module',
  'redis',
]
const EVERY_DOOR = `${DOORS.map((name, n) => `import * as door${n} from 'pg-nearest/${name}'`).join('\n')}
import * as main from 'pg-nearest'
declare const pool: main.NearestPool
// @ts-expect-error -- no type is any
export const wrong: number = pool.options
export const all: object[] = [main, ${DOORS.map((_, n) => `door${n}`).join(', ')}]
`

const MAIN = `
import { names } from './app'

void names().then((all) => {
  console.log(all.length)
  process.exit()
})
`

describe.skipIf(!isReachable)('the packed library in CommonJS', () => {
  let folder = ''
  let world: World
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
    await withUsers(world)
    env = { ...process.env, POOL: JSON.stringify(world.poolOptions('ord')) }
    folder = await mkdtemp(join(tmpdir(), 'pg-nearest-commonjs-'))
    const packed = await packPackages(['pg-nearest'], folder)
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }))
    await writeFile(join(folder, 'app.ts'), APP)
    await writeFile(join(folder, 'app.test.js'), JEST)
    await writeFile(join(folder, 'doors.ts'), EVERY_DOOR)
    await run('npm', ['install', ...quickly, ...packed, ...TOOLS], { cwd: folder })
  }, 300_000)
  afterAll(async () => {
    await world.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const bin = (name: string): string => join(folder, 'node_modules/.bin', name)
  const strict = ['--strict', '--target', 'es2022', '--types', 'node', '--esModuleInterop', '--outDir', '.']

  test.each([
    ['commonjs', ['--module', 'commonjs']],
    ['node16', ['--module', 'node16']],
    ['nodenext', ['--module', 'nodenext']],
  ])('TypeScript 5 compiles it with the module %s, and without @types/pg of its own', async (_, module) => {
    await run(bin('tsc'), ['app.ts', ...module, ...strict], { cwd: folder })
  })

  test.each(['es2015', 'es2022'])(
    'the types of all doors are checked without an error for %s, with no other library of types and no esModuleInterop',
    async (target) => {
      const checked = [
        '--strict',
        '--skipLibCheck',
        'false',
        '--exactOptionalPropertyTypes',
        '--types',
        'node',
        '--noEmit',
      ]
      const args = ['doors.ts', '--target', target, '--lib', target, '--module', 'commonjs', ...checked]
      await run(bin('tsc'), args, { cwd: folder })
    },
  )

  test('Jest runs it', async () => {
    await run(bin('tsc'), ['app.ts', '--module', 'commonjs', ...strict], { cwd: folder })
    await run(bin('jest'), ['--rootDir', folder], { cwd: folder, env })
  })

  test('ts-node runs it', async () => {
    await writeFile(join(folder, 'main.ts'), MAIN)
    const options = JSON.stringify({ module: 'commonjs', target: 'es2022', esModuleInterop: true, types: ['node'] })
    const { stdout } = await run(bin('ts-node'), ['-O', options, 'main.ts'], { cwd: folder, env })
    expect(Number(stdout)).toBeGreaterThanOrEqual(4)
  })
})
