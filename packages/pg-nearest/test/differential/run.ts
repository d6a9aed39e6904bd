import { seedOf } from 'pg-nearest-world/chaos'
import { signatureOf, type Difference } from './compare.ts'
import { generateProgram } from './generate.ts'
import { sizeOf, type Program } from './operation.ts'
import { startRig } from './rig.ts'
import { resembles, shrink } from './shrink.ts'
import { runTrial } from './trial.ts'

export interface DifferentialOptions {
  readonly seed: number
  /** How many statements, on each side. */
  readonly operations: number
  /** Only this one of the run's programs. */
  readonly only?: number | undefined
  readonly against?: 'pg-nearest' | 'pg'
  /** Cursors, query streams, COPY, and `rows`; default: with them. */
  readonly streams?: boolean
  /** How long one operation may take. */
  readonly boundMs?: number
  /** After so many programs that differ it ends. */
  readonly limit?: number
  /** How many times a program may be played again to make it smaller; 0: it is told as it is. */
  readonly shrinkRuns?: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (progress: { readonly operations: number; readonly different: number }) => void
  /** Told as they are found: the first of each kind. */
  readonly onFinding?: (finding: Finding) => void
}

export interface Finding {
  readonly signature: string
  /** Which of the run's programs. */
  readonly number: number
  readonly program: Program
  /** The first that shows in it. */
  readonly difference: Difference
  /** It showed once more, with fresh clients on both sides. */
  readonly again: boolean
}

export interface DifferentialReport {
  readonly seed: number
  readonly seconds: number
  readonly programs: number
  readonly operations: number
  /** By kind of operation. */
  readonly kinds: Readonly<Record<string, number>>
  /** Programs that showed an undocumented difference. */
  readonly different: number
  readonly signatures: Readonly<Record<string, number>>
  readonly findings: readonly Finding[]
  /** How often each documented difference was met. */
  readonly known: Readonly<Record<string, number>>
  /** Results by the kind of server that gave them. */
  readonly roles: Readonly<Record<string, number>>
  /** Programs left out because pg itself never ended one of their operations. */
  readonly endless: number
}

const SHRINKS_MS = 60_000
/** While a program is made smaller: what hangs is waited for again and again. */
const SHRINK_BOUND_MS = 2_000

/** Plays random programs through pg-nearest and through pg alone, and compares all that their user sees. */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialReport> {
  const {
    seed,
    operations,
    only,
    streams = true,
    boundMs = 10_000,
    limit = Infinity,
    shrinkRuns = 120,
    signal,
  } = options
  const rig = await startRig(options.against ?? 'pg-nearest')
  const started = performance.now()
  const kinds: Record<string, number> = {}
  const signatures: Record<string, number> = {}
  const known: Record<string, number> = {}
  const roles: Record<string, number> = {}
  const findings: Finding[] = []
  let previous: Program = []
  let [programs, done, different, endless] = [0, 0, 0, 0]

  /** The difference of this kind that a program shows on fresh clients; what never ends is not tried twice. */
  const shown = async (program: Program, signature: string, ms: number): Promise<Difference | undefined> => {
    for (const _ of signature.startsWith('never ends') ? [1] : [1, 2]) {
      await rig.renew()
      const { differences } = await runTrial(rig, program, ms)
      const same = differences.find((other) => resembles(signatureOf(program, other), signature))
      if (same !== undefined) return same
    }
    return undefined
  }
  const find = async (program: Program, number: number, first: Difference): Promise<void> => {
    different += 1
    const signature = signatureOf(program, first)
    count(signatures, signature)
    if ((signatures[signature] ?? 0) > 1) return
    let difference = first
    const small = await shrink(program, {
      mostRuns: shrinkRuns,
      mostMs: SHRINKS_MS,
      shows: async (candidate) => {
        const same = await shown(candidate, signature, Math.min(boundMs, SHRINK_BOUND_MS))
        difference = same ?? difference
        return same !== undefined
      },
    })
    // What took long enough to look endless may end within its bound.
    const again = shrinkRuns > 0 && (await shown(small, signature, boundMs)) !== undefined
    const finding = again
      ? { signature, number, program: small, difference, again }
      : { signature, number, program, difference: first, again }
    findings.push(finding)
    options.onFinding?.(finding)
  }

  try {
    for (let number = only ?? 0; done < operations && different < limit && signal?.aborted !== true; number++) {
      const late = await rig.strays.take()
      if (late.length > 0) await find(previous, number - 1, { what: 'stray error', pg: [], ours: late })
      const program = generateProgram(seedOf(seed, number), String(number), streams)
      const trial = await runTrial(rig, program, boundMs)
      programs += 1
      done += sizeOf(program)
      for (const { operation } of program) count(kinds, operation.kind)
      for (const { name } of trial.known) count(known, name)
      for (const role of trial.roles) count(roles, String(role))
      if (trial.endless !== undefined) endless += 1
      const [first] = trial.differences
      if (first !== undefined) await find(program, number, first)
      previous = program
      options.onProgress?.({ operations: done, different })
      if (only !== undefined) break
    }
  } finally {
    await rig.stop()
  }
  const seconds = (performance.now() - started) / 1_000
  return { seed, seconds, programs, operations: done, kinds, different, signatures, findings, known, roles, endless }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
