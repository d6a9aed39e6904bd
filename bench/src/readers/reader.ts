export interface User {
  readonly id: number
  readonly name: string
  readonly age: number | null
}

export type Row = Readonly<Record<string, unknown>>

/** One way to ask a database from Node, used as its documentation says. */
export interface Reader {
  readonly name: string
  /** By the library's own query builder, where it has one. */
  user(id: number): Promise<User | undefined>
  /** `undefined` for a query builder. */
  readonly query: ((text: string, values: readonly unknown[]) => Promise<readonly Row[]>) | undefined
  /** To servers, now. */
  readonly connections: number
  end(): Promise<void>
}

type Query = NonNullable<Reader['query']>

export const READ_USER = 'select id, name, age from users where id = $1'

/** A reader that is given texts. */
export function textReader(
  name: string,
  query: Query,
  { connections, end }: { readonly connections: () => number; readonly end: () => Promise<unknown> },
): Reader {
  return {
    name,
    query,
    user: async (id) => {
      const [user] = await query(READ_USER, [id])
      return user as unknown as User | undefined
    },
    get connections() {
      return connections()
    },
    end: async () => void (await end()),
  }
}
