import { writeFileSync } from 'node:fs'

/**
 * A reporter for vitest that prints nothing: it counts, and keeps what failed, in the file named by
 * `PG_NEAREST_COUNTS`.
 */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    const failures = []
    for (const module of modules) {
      const before = counts.failed
      const broken = [module, ...module.children.allSuites()].filter((part) => part.errors().length > 0)
      for (const part of broken) failures.push(failureOf(part.fullName ?? '', module, part.errors()))
      for (const test of module.children.allTests()) {
        counts[stateOf(test)]++
        if (stateOf(test) === 'failed') failures.push(failureOf(test.fullName, module, test.result().errors))
      }
      // A file that fails outside of its tests has no failed test of its own.
      if (module.state() === 'failed' && counts.failed === before) counts.failed++
    }
    counts.failed += unhandledErrors.length
    for (const error of unhandledErrors) failures.push(`unhandled: ${messageOf(error)}`)
    writeFileSync(process.env.PG_NEAREST_COUNTS, JSON.stringify({ counts, failures }))
  }
}

/** What never ran, as after a hook that failed, has not passed. */
function stateOf(test) {
  const { state } = test.result()
  return state === 'pending' ? 'skipped' : state
}

function failureOf(name, module, errors) {
  return [`${module.relativeModuleId} > ${name}`, ...errors.map(messageOf)].join('\n    ')
}

function messageOf(error) {
  const frame = error.stacks?.[0]
  const place = frame === undefined ? '' : ` (${frame.file.split('/').at(-1)}:${frame.line})`
  return `${error.name ?? 'Error'}: ${String(error.message).split('\n')[0]}${place}`
}
