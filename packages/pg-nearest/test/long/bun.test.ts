import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startWorld } from 'pg-nearest-world'
import { expect, test } from 'vitest'
import { isInRegistry, quickly } from './npm-registry.ts'

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('bun-program.ts', import.meta.url))

const isReachable = await isInRegistry('bun')
if (!isReachable) console.warn('No registry of npm, from which Bun could be installed, so Bun is not tested.')

test.skipIf(!isReachable)(
  'a program on Bun: reads, sessions, transactions, limits, lost connections and Bun.serve',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pg-nearest-bun-'))
    await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
    try {
      await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }))
      await run('npm', ['install', ...quickly, 'bun@1.4.5'], { cwd: folder })
      const env = { ...process.env, POOL: JSON.stringify(world.poolOptions('ord')) }
      const { stdout } = await run(join(folder, 'node_modules/.bin/bun'), [PROGRAM], { env, timeout: 60_000 })
      expect(stdout.trim().split('\n')).toHaveLength(10)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
  300_000,
)
