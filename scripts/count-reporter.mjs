import { writeFileSync } from 'node:fs'

/** A reporter for vitest that prints nothing: it counts, into the file named by `PG_NEAREST_COUNTS`. */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      const before = counts.failed
      for (const test of module.children.allTests()) counts[stateOf(test)]++
      // A file that fails outside of its tests has no failed test of its own.
      if (module.state() === 'failed' && counts.failed === before) counts.failed++
    }
    counts.failed += unhandledErrors.length
    writeFileSync(process.env.PG_NEAREST_COUNTS, JSON.stringify(counts))
  }
}

/** What never ran, as after a hook that failed, has not passed. */
function stateOf(test) {
  const { state } = test.result()
  return state === 'pending' ? 'skipped' : state
}
