import { textReader, type Reader, type Row } from './reader.ts'

interface BunSql {
  unsafe(text: string, values: readonly unknown[]): Promise<readonly Row[]>
  close(): Promise<void>
}

interface BunGlobal {
  readonly SQL: new (url: string, options: { readonly max: number }) => BunSql
}

const MAX = 10

/** `undefined` where this does not run in Bun. */
export function bunSql(url: string): Reader | undefined {
  const { Bun } = globalThis as { readonly Bun?: BunGlobal }
  if (Bun === undefined) return undefined
  const sql = new Bun.SQL(url, { max: MAX })
  return textReader('Bun.SQL', (text, values) => sql.unsafe(text, values), {
    connections: () => MAX,
    end: () => sql.close(),
  })
}
