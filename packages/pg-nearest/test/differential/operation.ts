/** A parameter as plain data, so that a program can be printed: a value, or the name of one that JSON does not have. */
export type Value = string | number | boolean | null | readonly (string | number)[] | { readonly special: Special }

/** `unsendable` throws when pg asks it for its text. */
export type Special = 'unsendable' | 'undefined' | 'date' | 'bytes' | 'object' | 'bigint'

export function isSpecial(value: Value, special: Special): boolean {
  return typeof value === 'object' && value !== null && 'special' in value && value.special === special
}

export interface QueryOperation {
  readonly kind: 'query'
  readonly text: string
  readonly values?: readonly Value[]
  /** The name of a prepared statement. */
  readonly name?: string
  readonly rowMode?: 'array'
  /** pg's `rows`: so many at a time. */
  readonly rows?: number
  /** With type parsers of its own. */
  readonly types?: true
  readonly extended?: true
  /** How pg is asked: default a promise. `object`: a `pg.Query`. */
  readonly form?: 'callback' | 'object'
}

export interface CursorOperation {
  readonly kind: 'cursor'
  readonly text: string
  readonly values?: readonly Value[]
  readonly rowMode?: 'array'
  /** How many rows at a time. It stops at an error. */
  readonly reads: readonly number[]
  readonly close: boolean
}

export interface StreamOperation {
  readonly kind: 'stream'
  readonly text: string
  readonly values?: readonly Value[]
  readonly rowMode?: 'array'
  readonly batchSize?: number
  /** Destroyed after so many rows; default: read to its end. */
  readonly take?: number
}

export interface CopyFromOperation {
  readonly kind: 'copy-from'
  readonly text: string
  readonly chunks: readonly string[]
  /** Destroyed after the chunks instead of ended. */
  readonly abort: boolean
}

export interface CopyToOperation {
  readonly kind: 'copy-to'
  readonly text: string
}

/** Sets a type parser of the client's. */
export interface TypeParserOperation {
  readonly kind: 'type-parser'
  readonly oid: number
}

/** Gives the client back and borrows another one. */
export interface ReleaseOperation {
  readonly kind: 'release'
  /** Something was left on the connection: it is to be closed. */
  readonly close: boolean
  /** First waits for everything that was given. */
  readonly waits: boolean
}

/** Waits until the replicas have everything, and our pool knows: what is read next may be read there. */
export interface CatchUpOperation {
  readonly kind: 'catch-up'
}

export type StatementOperation =
  QueryOperation | CursorOperation | StreamOperation | CopyFromOperation | CopyToOperation | TypeParserOperation

export type Operation = StatementOperation | ReleaseOperation | CatchUpOperation

export function isStatement(operation: Operation): operation is StatementOperation {
  return operation.kind !== 'release' && operation.kind !== 'catch-up'
}

export interface Step {
  readonly operation: Operation
  /** `tick`: the next one comes in a later turn of the event loop, whatever became of this one. */
  readonly then: 'await' | 'tick' | 'go on'
}

/** What is done on one borrowed client after another. */
export type Program = readonly Step[]

/** How many statements. */
export function sizeOf(program: Program): number {
  return program.filter(({ operation }) => isStatement(operation)).length
}

export function stepText({ operation, then }: Step): string {
  const { kind, ...rest } = operation
  const detail = Object.entries(rest).map(([key, value]) => `${key}: ${shortened(JSON.stringify(value))}`)
  const after = then === 'await' ? '' : then === 'tick' ? '  // not awaited, then a turn' : '  // not awaited'
  return `${kind} { ${detail.join(', ')} }${after}`
}

function shortened(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`
}
