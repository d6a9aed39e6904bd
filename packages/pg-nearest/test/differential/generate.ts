import { type Random, seededRandom } from 'pg-nearest-world/chaos'
import { draft, weighted, type Context, type Draft, type Drafter } from './draft.ts'
import type { Operation, Program, Step } from './operation.ts'
import { statement } from './statements.ts'
import { streaming } from './streaming.ts'
import { control } from './transactions.ts'

const LONGEST = 14

/** What is known of a client without running anything. */
interface Known {
  open: boolean
  /** Something may have failed in the transaction. */
  shaky: boolean
  leaves: boolean
  /** Everything was awaited. */
  resting: boolean
  /** Something that speaks the protocol by itself was not awaited. */
  streams: boolean
}

/** The program of this seed, with or without what speaks the protocol by itself. `unique` must be its own in the run. */
export function generateProgram(seed: number, unique: string, streams: boolean): Program {
  const random = seededRandom(seed)
  const steps: Step[] = []
  const length = 2 + random.integer(LONGEST - 1)
  // A client that waits for everything, one that waits for nothing, and those between.
  const patience = random.pick([0, 0.3, 0.6, 1])
  const reads = random.chance(0.4)
  let borrowed = 0
  let known = fresh()
  for (let i = 0; i < length; i++) {
    if (i > 0 && random.chance(0.06)) {
      steps.push({ operation: released(random, known), then: 'await' })
      known = fresh()
      borrowed += 1
      continue
    }
    if (i > 0 && random.chance(0.1)) {
      steps.push({ operation: { kind: 'catch-up' }, then: 'await' })
      continue
    }
    const drafted = drafterFor(
      random,
      known,
      streams,
    )({ random, unique: `${unique}_${borrowed}`, open: known.open, reads })
    const then = random.chance(patience) ? 'await' : random.chance(0.3) ? 'tick' : 'go on'
    steps.push({ operation: drafted.operation, then })
    learn(known, drafted, then)
  }
  return [...steps, { operation: { kind: 'release', close: known.leaves, waits: true }, then: 'await' }]
}

function fresh(): Known {
  return { open: false, shaky: false, leaves: false, resting: true, streams: false }
}

function released(random: Random, { leaves, streams }: Known): Operation {
  return { kind: 'release', close: leaves, waits: leaves || streams || random.chance(0.5) }
}

function drafterFor(random: Random, known: Known, streams: boolean): Drafter {
  return weighted<Drafter>(random, [
    [52, statement],
    [26, control],
    [streams ? 18 : 0, streaming],
    [known.resting ? 2 : 0, typeParser],
    // What fails in pages leaves pg's connection without a Sync: pg itself never goes on.
    [known.shaky || !streams ? 0 : 3, inPages],
  ])
}

function learn(known: Known, { mayFail, transaction, leaves, operation }: Draft, then: Step['then']): void {
  if (transaction === 'begins') known.open = true
  if (transaction === 'ends') {
    known.open = false
    known.shaky = mayFail === true
  }
  if (mayFail === true && known.open) known.shaky = true
  if (leaves === true) known.leaves = true
  known.resting = then === 'await'
  if (known.resting) known.streams = false
  else if (operation.kind !== 'query' || operation.form === 'object') known.streams = true
}

function typeParser({ random }: Context): Draft {
  return { operation: { kind: 'type-parser', oid: random.pick([23, 25]) }, leaves: true }
}

function inPages({ random }: Context): Draft {
  const text = random.pick([
    'select n from generate_series(1, 7) as n',
    'select id, name from items order by id',
    'select hit() as n from generate_series(1, 3)',
  ])
  const { operation } = draft(text)
  return { operation: { ...operation, rows: 1 + random.integer(3) } as Draft['operation'] }
}
