import { isStatement, type Operation, type Program } from './operation.ts'
import type { Transcript } from './play.ts'

/** What a step's place in its program says of a difference that shows there. */
export interface Place {
  /** See {@link isBound}. */
  readonly bound: boolean
  /** Its name was an empty text's before: pg itself takes that for no text, does not refuse another one, and runs the empty one again. */
  readonly renamesEmpty: boolean
}

export function placeOf(program: Program, transcript: Transcript, step: number | undefined): Place {
  return { bound: isBound(program, transcript, step), renamesEmpty: renamesEmpty(program, step) }
}

function renamesEmpty(program: Program, step: number | undefined): boolean {
  const given = step === undefined ? undefined : program[step]?.operation
  if (given?.kind !== 'query' || given.name === undefined || given.text === '') return false
  return program
    .slice(0, step)
    .some(({ operation }) => operation.kind === 'query' && operation.name === given.name && operation.text === '')
}

/**
 * Whether a step is in a READ ONLY transaction of which a replica has answered something that would be lost by beginning again
 * elsewhere: a snapshot for all of it, a savepoint, or what a function that is not PostgreSQL's own may have set.
 */
function isBound(program: Program, { outcomes }: Transcript, step: number | undefined): boolean {
  const behind: string[] = []
  for (let i = (step ?? 0) - 1; i >= 0; i--) {
    const operation = program[i]?.operation
    if (operation === undefined || operation.kind === 'release') return false
    const text = textOf(operation)
    if (BEGINS.test(text)) return behind.some((each) => ONE_SNAPSHOT.test(text) || KEEPS.test(each))
    if (ENDS.test(text)) return false
    const outcome = outcomes.get(i)
    // A stream does not say who gave its rows, nor does a query object.
    const isAnswered = outcome?.['error'] === undefined && outcome?.['role'] !== 'primary'
    if (isStatement(operation) && isAnswered) behind.push(text)
  }
  return false
}

const BEGINS = /^\s*(?:begin|start transaction)\b.*\bread only\b/i
/** A BEGIN alone does not: in a transaction it only warns. */
const ENDS = /^\s*(?:(?:commit|end|rollback|abort)\b(?!.*\b(?:chain|to)\b)|(?:begin|start)\b[^;]*;\s*\S)/i
const ONE_SNAPSHOT = /\brepeatable read\b/i
const KEEPS = /^\s*(?:savepoint|release|set constraints)\b|\b(?:say|inverse)\s*\(/i

function textOf(operation: Operation): string {
  return 'text' in operation ? operation.text : ''
}
