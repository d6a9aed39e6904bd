import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { getPriority, setPriority, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { memoryFolderEnv } from './memory-folder.mjs'

/** A step that hangs must not take the others with it. */
const LONGEST_MINUTES = 25
/** By which what yields is nicer. With 19 it would stand still where others take all cores. */
const NICER = 5

const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs one project of vitest's, or the files of it that are named, and counts its tests. The rest of the options is as of {@link run}. */
export async function runVitest(project, { files = [], env = {}, ...how } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'pg-nearest-test-'))
  const file = join(folder, 'counts.json')
  try {
    const reporters = ['--reporter=default', '--reporter=./scripts/count-reporter.mjs']
    const args = ['run', '--project', project, ...reporters, ...files]
    const code = await run('vitest', args, { ...how, env: { ...env, PG_NEAREST_COUNTS: file } })
    const nothing = { counts: { passed: 0, failed: 0, skipped: 0 } }
    const { counts, failures } = await readFile(file, 'utf8').then(JSON.parse, () => nothing)
    return { counts: code === 0 ? counts : { ...counts, failed: Math.max(counts.failed, 1) }, failures }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs several projects beside each other, and counts their tests together. */
export async function runBeside(projects, how) {
  return together(await Promise.all(projects.map((project) => runVitest(project, how))))
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
 * @param yields - whatever else runs here goes first.
 */
export function run(program, args, { env: extra = {}, keepsOutput = false, yields = false } = {}) {
  const bin = join(root, 'node_modules', '.bin')
  const env = { ...process.env, ...memoryFolderEnv(), ...extra, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` }
  const output = keepsOutput ? 'pipe' : 'inherit'
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', output, output] })
    if (yields && child.pid !== undefined) setPriority(child.pid, Math.min(getPriority() + NICER, 19))
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
