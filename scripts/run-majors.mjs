import { runVitest, together } from './run-vitest.mjs'

/**
 * Runs projects of vitest's on each of these majors of PostgreSQL; prints one table.
 *
 * @param measuring - runs on one major after the other, because it measures.
 * @param unhurried - runs on all of them beside each other.
 */
export async function runMajors({ versions, measuring, unhurried }) {
  const majors = []
  for (const major of versions) majors.push({ major, server: await serverOf(major), results: [] })
  for (const { server } of majors) if (server.missing !== undefined) console.log(`  skipped: ${server.missing}`)
  const present = majors.filter(({ server }) => server.missing === undefined)
  for (const each of present) await runOn(each, measuring)
  await Promise.all(present.map((each) => runOn(each, unhurried, { keepsOutput: true })))
  const outcomes = majors.map(({ major, server, results }) => {
    const { counts, failures } = server.missing === undefined ? together(results) : SKIPPED
    const named = failures.map((failure) => `PostgreSQL ${major}: ${failure}`)
    return { version: server.version ?? `${major}, not here`, counts, failures: named }
  })
  console.table(outcomes.map(({ version, counts }) => ({ PostgreSQL: version, ...counts })))
  return together(outcomes)
}

const SKIPPED = { counts: { passed: 0, failed: 0, skipped: 1 }, failures: [] }

async function runOn({ major, results }, project, how) {
  results.push(await runVitest(project, { ...how, env: { PG_NEAREST_WORLD_VERSION: String(major) } }))
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
