import { createHash } from 'node:crypto'
import type { Field } from '../wire/pg-internals.ts'

/** A text under its name on one connection, and the rows that it gave. */
export interface PreparedStatement {
  readonly text: string
  /** Ends with NUL. */
  readonly name: Buffer
  /** The server has it, or will have it when it has come so far. */
  parsed: boolean
  description: { readonly bytes: Buffer; readonly fields: readonly Field[] } | undefined
  used: number
}

/** Statements of the server's that one connection may have. */
const MOST = 256
/** 144 bits: two texts never have one name, on whatever server a pooler may take it to. */
const NAME_CHARACTERS = 24
const UNNAMED = Buffer.from([0])

/** The statements that lanes have prepared on one connection. When there are too many, the one that was not used for longest goes. */
export class PreparedStatements {
  #byText = new Map<string, PreparedStatement>()
  #uses = 0

  /**
   * The statement of a text. It must be parsed if it is not `parsed`, behind a Close: the server may still have what was forgotten here.
   *
   * @param onEvicted - called with the statement that must be closed to make room.
   */
  of(text: string, onEvicted: (evicted: PreparedStatement) => void): PreparedStatement {
    let statement = this.#byText.get(text)
    if (statement === undefined) {
      if (this.#byText.size >= MOST) onEvicted(this.#evict())
      statement = { text, name: nameOf(text), parsed: false, description: undefined, used: 0 }
      this.#byText.set(text, statement)
    }
    statement.used = ++this.#uses
    return statement
  }

  /** Something was not as expected. */
  forget(): void {
    this.#byText = new Map()
  }

  #evict(): PreparedStatement {
    const [first, ...rest] = this.#byText.values()
    const oldest = rest.reduce((least, each) => (each.used < least.used ? each : least), first as PreparedStatement)
    this.#byText.delete(oldest.text)
    return oldest
  }
}

/** A statement for one use. */
export function unnamed(text: string): PreparedStatement {
  return { text, name: UNNAMED, parsed: false, description: undefined, used: 0 }
}

function nameOf(text: string): Buffer {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, NAME_CHARACTERS)
  return Buffer.from(`pg_nearest_${hash}\0`)
}
