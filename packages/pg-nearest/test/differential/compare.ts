import { isDeepStrictEqual } from 'node:util'
import { messageOf, type Outcome } from './describe.ts'
import { firstDifference } from './first-difference.ts'
import type { Transcript } from './play.ts'
import { isSpecial, type Operation, type Program, type QueryOperation } from './operation.ts'
import type { State } from './rig.ts'

/** One thing that was not the same. */
export interface Difference {
  readonly what:
    'never ends' | 'outcome' | 'extra' | 'order' | 'status' | 'notices' | 'notifications' | 'stray error' | 'tables'
  /** The step where it shows; none for what shows in the end. */
  readonly step?: number
  readonly pg: unknown
  readonly ours: unknown
}

export interface Played {
  readonly transcript: Transcript
  readonly state: State
}

/** All that differs, in the order in which it shows. */
export function differences(program: Program, theirs: Played, ours: Played): Difference[] {
  const found: Difference[] = []
  const { transcript: a } = theirs
  const { transcript: b } = ours
  if (b.hung !== undefined) {
    found.push({ what: 'never ends', step: b.hung, pg: a.outcomes.get(b.hung) ?? 'ends', ours: 'never ends' })
  }
  for (const [step] of program.entries()) {
    const [expected, got] = [a.outcomes.get(step), b.outcomes.get(step)]
    if (expected !== undefined && got !== undefined) {
      const { extras: usual, role: _, ...plain } = expected
      const { extras, role: __, ...same } = got
      if (!isDeepStrictEqual(plain, same)) found.push({ what: 'outcome', step, pg: plain, ours: same })
      // A failure has none.
      if ('result' in expected && 'result' in got && !isDeepStrictEqual(usual, extras))
        found.push({ what: 'extra', step, pg: usual, ours: extras })
    }
    const [rest, ourRest] = [a.rests.get(step), b.rests.get(step)]
    if (rest === undefined || ourRest === undefined) continue
    for (const what of ['status', 'notices', 'notifications'] as const) {
      if (rest[what] !== ourRest[what]) found.push({ what, step, pg: rest[what], ours: ourRest[what] })
    }
  }
  if (!isDeepStrictEqual(a.strays, b.strays)) found.push({ what: 'stray error', pg: a.strays, ours: b.strays })
  // Where something never ended, what comes after it was not played.
  if (b.hung !== undefined) return found
  // A stream tells its end in a turn of its own, which with pg alone may come after the next statement's.
  const queries = ({ settled }: Transcript): number[] =>
    settled.filter((i) => hasOrder(program[i]?.operation, a.outcomes.get(i)))
  const [order, ourOrder] = [queries(a), queries(b)]
  if (!isDeepStrictEqual(order, ourOrder)) found.push({ what: 'order', pg: order, ours: ourOrder })
  for (const what of ['notices', 'notifications'] as const) {
    if (!isDeepStrictEqual(a[what], b[what])) found.push({ what, pg: a[what], ours: b[what] })
  }
  for (const [table, rows] of Object.entries(theirs.state)) {
    const got = ours.state[table]
    if (!isDeepStrictEqual(rows, got)) found.push({ what: 'tables', pg: { [table]: rows }, ours: { [table]: got } })
  }
  return found
}

/** pg tells that something cannot be sent when it would be: before the promise ahead of it, or behind. */
function hasOrder(operation: Operation | undefined, outcome: Outcome | undefined): boolean {
  return operation?.kind === 'query' && !cannotBeSent(operation, outcome)
}

/** A value that throws, or a name that this connection has for another text. */
function cannotBeSent({ values }: QueryOperation, outcome: Outcome | undefined): boolean {
  if (values?.some((value) => isSpecial(value, 'unsendable')) === true) return true
  return messageOf(outcome).startsWith('Prepared statements must be unique')
}

/** What kind of difference it is: the same for two programs that show the same fault. */
export function signatureOf(program: Program, { what, step, pg, ours }: Difference): string {
  const operation = step === undefined ? undefined : program[step]?.operation
  const where = operation === undefined ? '' : ` of ${operation.kind}`
  if (what === 'outcome') {
    const kinds = [describeValue(pg), describeValue(ours)]
    const at = kinds[0] === kinds[1] ? ` (${firstDifference(pg, ours).path.replaceAll(/\.\d+/g, '')})` : ''
    return `${what}${where}: pg ${kinds[0]}, ours ${kinds[1]}${at}`
  }
  if (what === 'order') return `${what}: ${misplaced(program, pg as number[], ours as number[])}`
  if (what === 'stray error') return `${what}: ${describeValue({ error: (ours as unknown[])[0] })}`
  if (what === 'status') return `${what}: pg ${String(pg)}, ours ${String(ours)}`
  if (what === 'tables') return `${what}: ${Object.keys(pg as State).join()}`
  return `${what}${where}`
}

/** The first that came too early, and what should have come then. */
function misplaced(program: Program, pg: readonly number[], ours: readonly number[]): string {
  const at = pg.findIndex((step, i) => step !== ours[i])
  const form = (step: number | undefined): string => {
    const operation = step === undefined ? undefined : program[step]?.operation
    return operation?.kind === 'query' ? (operation.form ?? 'promise') : 'nothing'
  }
  return `${form(ours[at])} before ${form(pg[at])}`
}

function describeValue(outcome: unknown): string {
  const { error } = outcome as { error?: { code?: string; class?: string; message?: string } }
  if (error === undefined) return 'a result'
  const generic = error.message?.replaceAll(/[\d"'].*/g, '…')
  return error.code ?? `${error.class ?? 'Error'} (${generic})`
}
