import { execFile, type ExecFileOptions } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packPackages } from '../../../../packages/pg-nearest/test/long/pack-packages.ts'

const execute = promisify(execFile)
/** All that it prints; with that, if it fails. */
const run = (program: string, argv: readonly string[], options: ExecFileOptions = {}): Promise<string> =>
  execute(program, argv, { ...options, encoding: 'utf8' }).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: Error & { stdout?: string; stderr?: string }) => {
      throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`, { cause: error })
    },
  )
const example = fileURLToPath(new URL('../..', import.meta.url))
const quickly = ['--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-timeout=20000']

const isReachable = await run('npm', ['view', 'jest', 'version', ...quickly]).then(
  () => true,
  () => false,
)
if (!isReachable) console.warn('No registry of npm, from which Jest could be installed, so its example is not tested.')

describe.skipIf(!isReachable)('the example of a late replica, with the packed library', () => {
  let folder = ''
  // Without what this runner tells its own children.
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, VITEST: _vitest, ...env } = process.env

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pg-nearest-testing-'))
    await cp(example, folder, { recursive: true, filter: (path) => !/\/(?:node_modules|long)$/.test(path) })
    const packed = await packPackages(['pg-nearest', 'pg-nearest-page', 'pg-nearest-world'], folder)
    await run('npm', ['install', ...quickly, ...packed], { cwd: folder })
  }, 300_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test.each([
    ['node', /^# pass 2$/m],
    ['vitest', /Tests +2 passed/],
    ['jest', /Tests: +2 passed, 2 total/],
  ])('passes with %s', async (runner, passed) => {
    const printed = await run('npm', ['run', `test:${runner}`], { cwd: folder, env: { ...env, NO_COLOR: '1' } })
    expect(printed).toMatch(passed)
  })
})
