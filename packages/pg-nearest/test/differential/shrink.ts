import { isStatement, type Operation, type Program, type Step } from './operation.ts'

export interface ShrinkOptions {
  /** Whether this program still shows it. */
  readonly shows: (program: Program) => Promise<boolean>
  readonly mostRuns: number
  readonly mostMs: number
}

/** Drops steps, then makes those that are left simpler, as long as the program shows the difference. */
export async function shrink(program: Program, { shows, mostRuns, mostMs }: ShrinkOptions): Promise<Program> {
  const end = performance.now() + mostMs
  let runs = 0
  let smallest = program
  const smaller = async (candidate: Program): Promise<boolean> => {
    if (runs >= mostRuns || performance.now() > end || !isWhole(candidate)) return false
    runs += 1
    if (!(await shows(candidate))) return false
    smallest = candidate
    return true
  }
  for (let size = Math.ceil(smallest.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = smallest.length - 1 - size; from > -size; from -= size) {
      const first = Math.max(0, from)
      await smaller([...smallest.slice(0, first), ...smallest.slice(Math.min(from + size, smallest.length - 1))])
    }
  }
  for (let i = 0; i < smallest.length; i++) {
    for (const simpler of simplerSteps(smallest[i])) {
      await smaller(smallest.map((step, j) => (j === i ? simpler : step)))
    }
  }
  return smallest
}

/** Whether it is the same fault, whatever part of a result shows it. */
export function resembles(signature: string, other: string): boolean {
  const [a, b] = [signature, other].map((each) => each.replace(/ \([^)]*\)$/, ''))
  return a === b
}

/** The last step is the release, as in every program. */
function isWhole(program: Program): boolean {
  return program.length > 1 && program.at(-1)?.operation.kind === 'release'
}

function simplerSteps(step: Step | undefined): Step[] {
  if (step === undefined || !isStatement(step.operation)) return []
  const { operation, then } = step
  const simpler: Step[] = then === 'await' ? [] : [{ operation, then: 'await' }]
  if (then === 'tick') simpler.push({ operation, then: 'go on' })
  const optional = ['form', 'rowMode', 'types', 'extended', 'rows', 'name', 'batchSize', 'take'] as const
  for (const name of optional) if (name in operation) simpler.push({ operation: without(operation, name), then })
  return simpler
}

function without(operation: Operation, name: string): Operation {
  return Object.fromEntries(Object.entries(operation).filter(([key]) => key !== name)) as unknown as Operation
}
