/** Where an app's servers are, as the app sees them. */
export interface Servers {
  /** Across the ocean. */
  readonly primary: string
  /** The first is next door. */
  readonly replicas: readonly string[]
  /** Connections that a pool may hold to one server; the same for all. */
  readonly max: number
}

/** A library, used as its documentation says. All work on `accounts (id int primary key, balance int)`. */
export interface Mover {
  readonly name: string
  /** Reads a balance, with whatever the library does about replicas. */
  read(id: number): Promise<number | undefined>
  /** An interactive transaction with one statement in it. */
  one(id: number): Promise<unknown>
  /** Writes a balance, then reads it as {@link read} does; what was read. */
  writeThenRead(id: number, balance: number): Promise<number | undefined>
  end(): Promise<void>
}

/** The same with transactions, and with what has to be done by hand. */
export interface Contender extends Mover {
  /** A transaction of three statements, each awaited: looks at `id`, takes one from it, gives it to `to`. */
  three(id: number, to: number): Promise<unknown>
  /** As {@link writeThenRead}, with the read sent to the primary by hand. `undefined` where nothing needs to be done by hand. */
  readonly writeThenReadPrimary: ((id: number, balance: number) => Promise<number | undefined>) | undefined
}
