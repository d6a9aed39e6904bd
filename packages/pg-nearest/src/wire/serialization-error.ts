/** What pg puts into messages, as its caller has given it. */
export interface Given {
  readonly text?: unknown
  readonly name?: unknown
  readonly rows?: unknown
  readonly portal?: unknown
  readonly types?: unknown
  readonly values?: unknown
  readonly queryMode?: unknown
}

/** As many as a message can ask for. */
const MOST_ROWS = 2 ** 32 - 1

/**
 * What pg would throw while it writes these into a message, and leave half a message behind in a buffer that all connections of the process share.
 * `undefined`: nothing, as far as it is not in the values; or pg says by itself that there is neither a text nor a name.
 */
export function serializationError(given: Given): Error | undefined {
  const { text, name, rows, portal, types } = given
  if (typeof text !== 'string' && typeof name !== 'string') return undefined
  if (typeof text !== 'string' && !isNone(text)) return wrongType('text', 'a string', text)
  if (Boolean(name) && typeof name !== 'string') return wrongType('name', 'a string', name)
  if (!isPrepared(given)) return undefined
  if (Boolean(portal) && typeof portal !== 'string') return wrongType('portal', 'a string', portal)
  return (Boolean(rows) && errorOfRows(rows)) || (Array.isArray(types) && errorOfTypes(types)) || undefined
}

/** What pg sends by the extended protocol. By the simple one it writes the text alone. */
function isPrepared({ text, name, rows, values, queryMode }: Given): boolean {
  if (queryMode === 'extended' || Boolean(name) || Boolean(rows)) return true
  return Boolean(text) && Boolean(values) && (values as readonly unknown[]).length > 0
}

/** The same of what writes a text and values as they are, and says nothing by itself. */
export function errorOfOwnMessages({ text, values }: Pick<Given, 'text' | 'values'>): Error | undefined {
  if (Boolean(text) && typeof text !== 'string') return wrongType('text', 'a string', text)
  if (!values) return undefined
  if (!Array.isArray(values)) return wrongType('values', 'an array', values)
  const unwritten = values.find((value) => !isWritten(value))
  return unwritten === undefined ? undefined : wrongType('values', 'strings, bytes or null', unwritten)
}

function isWritten(value: unknown): boolean {
  return typeof value === 'string' || value === null || value === undefined || Buffer.isBuffer(value)
}

/** Beside a name such a text stands for the one that was given with it before. */
export function isNone(text: unknown): text is undefined | null | '' | false | 0 {
  return !text
}

/** pg takes whatever converts to such a number. */
function errorOfRows(rows: unknown): Error | undefined {
  let count: number
  try {
    // As pg does, and unlike `Number`, for which a bigint is one.
    count = (rows as number) * 1
  } catch (cause) {
    return wrongType('rows', 'a number', rows, cause)
  }
  if (!(count < 0 || count > MOST_ROWS)) return undefined
  const error = new RangeError(`A query's rows must be a number from 0 to ${MOST_ROWS}, not ${count}.`)
  return Object.assign(error, { code: 'ERR_OUT_OF_RANGE' })
}

/** pg's Parse names them. */
function errorOfTypes(types: readonly unknown[]): Error | undefined {
  try {
    for (const type of types) void ((type as number) >>> 0)
    return undefined
  } catch (cause) {
    return wrongType('types', 'numbers', types, cause)
  }
}

function wrongType(what: string, wanted: string, given: unknown, cause?: unknown): Error {
  const error = new TypeError(`A query's ${what} must be ${wanted}, not ${kindOf(given)}.`, { cause })
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' })
}

function kindOf(given: unknown): string {
  if (Array.isArray(given)) return 'such an array'
  return typeof given === 'object' ? 'an object' : `a ${typeof given}`
}
