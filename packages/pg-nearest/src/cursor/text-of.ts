/** Cursors and streams keep their text in different places. */
export function textOf(query: object): string | undefined {
  const { text, cursor } = query as { readonly text?: unknown; readonly cursor?: { readonly text?: unknown } }
  const given = text ?? cursor?.text
  return typeof given === 'string' ? given : undefined
}
