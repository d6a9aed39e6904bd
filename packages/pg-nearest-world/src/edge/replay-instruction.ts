/** Where a request is to be sent again, as an app says in the header `fly-replay` or in JSON. */
export interface ReplayInstruction {
  /** Codes and groups such as `eu`, in order of preference; empty: anywhere. */
  readonly regions: readonly string[]
  readonly instance: string | undefined
  readonly preferInstance: string | undefined
  readonly app: string | undefined
  readonly state: string | undefined
  /** Not to the instance that says so. */
  readonly elsewhere: boolean
  /** For reaching the target. */
  readonly timeoutMs: number | undefined
  readonly fallback: 'force_self' | 'prefer_self' | undefined
  readonly transform: Transform
}

/** What the request is changed to, which only JSON can say. */
export interface Transform {
  readonly path?: string | undefined
  readonly deleteHeaders: readonly string[]
  readonly setHeaders: readonly (readonly [name: string, value: string])[]
}

/** An app's instruction cannot be read. The message says what is wrong with it. */
export class ReplayFault extends Error {
  override readonly name = 'ReplayFault'
}

export const REPLAY_JSON = 'application/vnd.fly.replay+json'

type Fields = Readonly<Record<string, unknown>>

const NAMES: ReadonlySet<string> = new Set([
  'region',
  'instance',
  'prefer_instance',
  'app',
  'state',
  'elsewhere',
  'timeout',
  'fallback',
])
const JSON_NAMES: ReadonlySet<string> = new Set([...NAMES, 'transform', 'cache', 'allow_bypass'])
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000 } as const

/**
 * Reads `region="syd,any";state=write`.
 *
 * @see https://fly.io/docs/networking/dynamic-request-routing/
 * @throws ReplayFault
 */
export function parseReplayHeader(header: string): ReplayInstruction {
  const fields: Record<string, string> = {}
  for (const [, name = '', quoted, plain] of header.matchAll(/\s*([^=;]+?)\s*=\s*(?:"([^"]*)"|([^;"]*))\s*(?:;|$)/gy))
    fields[name] = quoted ?? plain?.trim() ?? ''
  const read = Object.entries(fields).length
  const written = header
    .replaceAll(/"[^"]*"/g, '')
    .split(';')
    .filter((part) => part.trim() !== '').length
  if (read === 0 || read !== written) throw new ReplayFault(`fly-replay: ${header} cannot be read`)
  if (!header.includes('"') && fields['region']?.includes(',') === true)
    throw new ReplayFault('fly-replay: a list of regions must be quoted')
  return instructionOf(fields, NAMES)
}

/** @throws ReplayFault */
export function parseReplayJson(body: string): ReplayInstruction {
  let fields: unknown
  try {
    fields = JSON.parse(body)
  } catch (error) {
    throw new ReplayFault(`The body is no JSON, though its type is ${REPLAY_JSON}`, { cause: error })
  }
  if (!isFields(fields)) throw new ReplayFault('The JSON of a replay must be an object')
  return instructionOf(fields, JSON_NAMES)
}

function instructionOf(fields: Fields, names: ReadonlySet<string>): ReplayInstruction {
  const unknown = Object.keys(fields).find((name) => !names.has(name))
  if (unknown !== undefined) throw new ReplayFault(`A replay has no field ${JSON.stringify(unknown)}`)
  return {
    regions: (textOf(fields, 'region') ?? '').split(/[\s,]+/).filter((region) => region !== ''),
    instance: textOf(fields, 'instance'),
    preferInstance: textOf(fields, 'prefer_instance'),
    app: textOf(fields, 'app'),
    state: textOf(fields, 'state'),
    elsewhere: fields['elsewhere'] === 'true' || fields['elsewhere'] === true,
    timeoutMs: durationOf(textOf(fields, 'timeout')),
    fallback: fallbackOf(textOf(fields, 'fallback')),
    transform: transformOf(fields['transform'] ?? {}),
  }
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || typeof value === 'string') return value
  throw new ReplayFault(`The field ${name} of a replay must be a text`)
}

function durationOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [, number, unit] = /^(\d+)(ms|s|m)$/.exec(text) ?? []
  if (unit === 'ms' || unit === 's' || unit === 'm') return Number(number) * UNIT_MS[unit]
  throw new ReplayFault(`timeout=${text} is no duration such as 10s or 800ms`)
}

function fallbackOf(text: string | undefined): ReplayInstruction['fallback'] {
  if (text === undefined || text === 'force_self' || text === 'prefer_self') return text
  throw new ReplayFault(`fallback=${text} is neither force_self nor prefer_self`)
}

function transformOf(given: unknown): Transform {
  if (!isFields(given)) throw new ReplayFault('transform must be an object')
  const names = given['delete_headers'] ?? []
  const headers = given['set_headers'] ?? []
  if (!Array.isArray(names) || !Array.isArray(headers) || !headers.every(isFields))
    throw new ReplayFault('transform: delete_headers and set_headers must be lists')
  return {
    path: textOf(given, 'path'),
    deleteHeaders: names.map((name) => String(name).toLowerCase()),
    setHeaders: headers.map((each) => [(textOf(each, 'name') ?? '').toLowerCase(), textOf(each, 'value') ?? '']),
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
