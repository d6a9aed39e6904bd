import { tokenize } from '../classification/tokenizer.ts'

/** These write, whatever follows. */
const WRITING: ReadonlySet<string> = new Set(
  'alter comment create delete drop grant import insert merge refresh reindex revoke security truncate update vacuum'.split(
    ' ',
  ),
)

/** Whether no server that refuses writes would run it: told from its first word. `false` where only the server can tell. */
export function surelyWrites(text: string): boolean {
  const [first] = tokenize(text).tokens
  return first?.kind === 'word' && WRITING.has(first.text)
}
