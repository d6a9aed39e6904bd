import { runVitest, together } from './run-vitest.mjs'

/** Runs these projects of vitest's on each of these majors of PostgreSQL; prints one table. */
export async function runMajors({ versions, projects }) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const failures = []
  const rows = []
  for (const major of versions) {
    const started = performance.now()
    const server = await serverOf(major)
    if (server.missing !== undefined) console.log(`  skipped: ${server.missing}`)
    const ran = server.missing === undefined ? await onMajor(major, projects) : SKIPPED
    for (const key of Object.keys(counts)) counts[key] += ran.counts[key]
    for (const failure of ran.failures ?? []) failures.push(`PostgreSQL ${major}: ${failure}`)
    const { passed, failed, skipped } = ran.counts
    const seconds = `${((performance.now() - started) / 1_000).toFixed(1)} s`
    rows.push({ PostgreSQL: server.version ?? `${major}, not here`, passed, failed, skipped, time: seconds })
  }
  console.table(rows)
  return { counts, failures }
}

const SKIPPED = { counts: { passed: 0, failed: 0, skipped: 1 } }

async function onMajor(major, projects) {
  const results = []
  for (const project of projects) {
    results.push(await runVitest(project, { env: { PG_NEAREST_WORLD_VERSION: String(major) } }))
  }
  return together(results)
}

/** What a world of this major says of itself, or why there is none. */
async function serverOf(major) {
  const { startWorld } = await import('../packages/pg-nearest-world/dist/index.js')
  try {
    const world = await startWorld({ primary: 'nrt', version: major })
    await world.stop()
    return { version: world.version }
  } catch (error) {
    if (error.code !== 'WORLD_NO_POSTGRES') throw error
    return { missing: error.message }
  }
}
