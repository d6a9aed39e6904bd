import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take more than half a minute, the longest first: one that begins last keeps a single core, while the other has nothing to do. */
const LONGEST = [
  'quiet',
  'cli',
  'commonjs',
  'dockerfile',
  'claims',
  'torture',
  'throwing-configs',
  'survival',
  'sessions',
  'lanes-attacked',
  'http',
  'lanes',
  'prepared-writes',
  'remembered-settings',
  'spare-connections',
  'refused-connections',
  'contract',
  'batch',
  'two-phase',
  'bookmark-stores',
  'transaction-cuts',
  'transaction-limits',
  'demoted-primary',
  'unknown-outcome',
  'balanced-names',
  'pgbouncer',
]

/** The order in which Vitest runs files that run beside each other. It knows itself how long they take only where they have run before. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's own method
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => placeOf(a) - placeOf(b))
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = LONGEST.indexOf(basename(moduleId, '.test.ts'))
  return place === -1 ? LONGEST.length : place
}
