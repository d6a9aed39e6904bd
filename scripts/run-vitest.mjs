import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { memoryFolderEnv } from './memory-folder.mjs'

/** A step that hangs must not take the others with it. */
const LONGEST_MINUTES = 25

const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs one project of vitest's, or the files of it that are named, and counts its tests. */
export async function runVitest(project, { files = [], env = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'pg-nearest-test-'))
  const file = join(folder, 'counts.json')
  try {
    const reporters = ['--reporter=default', '--reporter=./scripts/count-reporter.mjs']
    const args = ['run', '--project', project, ...reporters, ...files]
    const code = await run('vitest', args, { env: { ...env, PG_NEAREST_COUNTS: file } })
    const nothing = { counts: { passed: 0, failed: 0, skipped: 0 } }
    const { counts, failures } = await readFile(file, 'utf8').then(JSON.parse, () => nothing)
    return { counts: code === 0 ? counts : { ...counts, failed: Math.max(counts.failed, 1) }, failures }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs several projects beside each other, and counts their tests together. */
export async function runBeside(projects) {
  return together(await Promise.all(projects.map((project) => runVitest(project))))
}

export function together(results) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const result of results) for (const key of Object.keys(counts)) counts[key] += result.counts[key]
  return { counts, failures: results.flatMap(({ failures = [] }) => failures) }
}

/**
 * Runs a program of this repository's; resolves with its exit code.
 *
 * @param keepsOutput - what it prints is shown when it ends, so that it does not mix with what others print.
 */
export function run(program, args, { env: extra = {}, keepsOutput = false } = {}) {
  const bin = join(root, 'node_modules', '.bin')
  const env = { ...process.env, ...memoryFolderEnv(), ...extra, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` }
  const output = keepsOutput ? 'pipe' : 'inherit'
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', output, output] })
    const kept = []
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => kept.push(chunk))
    const timer = setTimeout(() => {
      console.error(`  stopped after ${LONGEST_MINUTES} minutes: it hangs`)
      child.kill()
      setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
    }, LONGEST_MINUTES * 60_000)
    child.on('error', (error) => {
      console.error(`  ${error.message}`)
      resolve(1)
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      process.stdout.write(Buffer.concat(kept))
      resolve(code ?? 1)
    })
  })
}
