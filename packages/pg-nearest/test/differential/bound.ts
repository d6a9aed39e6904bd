import { isStatement, type Operation, type Program } from './operation.ts'
import type { Transcript } from './play.ts'

/**
 * Whether a step is in a READ ONLY transaction of which a replica has answered something that would be lost by beginning again
 * elsewhere: a snapshot for all of it, a savepoint, a mode, or what a function that is not PostgreSQL's own may have set.
 */
export function isBound(program: Program, { outcomes }: Transcript, step: number | undefined): boolean {
  const behind: string[] = []
  for (let i = (step ?? 0) - 1; i >= 0; i--) {
    const operation = program[i]?.operation
    if (operation === undefined || operation.kind === 'release') return false
    const text = textOf(operation)
    if (BEGINS.test(text)) return behind.some((each) => ONE_SNAPSHOT.test(text) || KEEPS.test(each))
    if (ENDS.test(text)) return false
    const outcome = outcomes.get(i)
    // A stream does not say who gave its rows.
    const isAnswered =
      outcome?.['error'] === undefined && (operation.kind !== 'query' || outcome?.['role'] === 'replica')
    if (isStatement(operation) && isAnswered) behind.push(text)
  }
  return false
}

const BEGINS = /^\s*(?:begin|start transaction)\b.*\bread only\b/i
const ENDS = /^\s*(?:begin|start|commit|end|rollback|abort)\b(?!.*\b(?:chain|to)\b)/i
const ONE_SNAPSHOT = /\brepeatable read\b/i
const KEEPS = /^\s*(?:savepoint|release|set)\b|\b(?:say|inverse)\s*\(/i

function textOf(operation: Operation): string {
  return 'text' in operation ? operation.text : ''
}
