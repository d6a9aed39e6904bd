import { tokenize } from '../classification/tokenizer.ts'
import { querySummary } from './query-summary.ts'

export interface DescribedStatement {
  /** Low in cardinality, without values: `SELECT users`. */
  readonly summary: string | undefined
  /** It contains neither a string nor a number, which could be a value. */
  readonly bare: boolean
}

const MOST_TEXTS = 1_000
const LONGEST_TEXT = 16_384

/** Describes each text once. The cache is cleared when it is full. */
export function createDescriptions(): (text: string) => DescribedStatement {
  const known = new Map<string, DescribedStatement>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const { tokens, doubtful } = tokenize(text)
    const bare = !doubtful && tokens.every(({ kind }) => kind !== 'literal')
    const described = { summary: doubtful ? undefined : querySummary(tokens), bare }
    if (known.size >= MOST_TEXTS) known.clear()
    if (text.length <= LONGEST_TEXT) known.set(text, described)
    return described
  }
}
