import { isSingleStatement } from '../classification/transaction-text-predicates.ts'
import { tokenize } from '../classification/tokenizer.ts'
import { hasPassingLiteral } from './parse-time-literals.ts'

const WRITES: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge'])
/** Longer ones are mostly built for one use. */
const MOST_CHARACTERS = 20_000

/** Whether it changes rows, and means the same each time that it runs under the name it was prepared with. */
export function isPreparableWrite(text: string): boolean {
  if (text.length > MOST_CHARACTERS || text.includes('\0') || !isSingleStatement(text)) return false
  const { tokens, doubtful } = tokenize(text)
  const [first] = tokens
  return !doubtful && first?.kind === 'word' && WRITES.has(first.text) && !hasPassingLiteral(text)
}

/**
 * Whether it names what makes prepared statements mean something else, or takes them away: a temporary table comes ahead of the one that they were
 * prepared for, and so does another schema's, whose columns may be of other types. In doubt it does. What a function does cannot be seen.
 */
export function unsettlesPrepared(text: string): boolean {
  return UNSETTLING.test(text)
}

const UNSETTLING =
  /\b(?:create|alter|drop|discard|deallocate|search_path)\b|\binto\s+(?:temp|temporary)\b|\bset\s+(?:session\s+|local\s+)?schema\b|\breset\s+all\b/i
