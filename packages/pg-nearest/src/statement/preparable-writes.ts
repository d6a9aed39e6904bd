import { isSingleStatement } from '../classification/statement-traits.ts'
import { tokenize } from '../classification/tokenizer.ts'
import { hasPassingLiteral } from './passing-literals.ts'

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
