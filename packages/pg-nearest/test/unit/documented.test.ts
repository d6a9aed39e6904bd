import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { NearestErrorCode } from '../../src/errors.ts'
import type { NearestEvents, StoreEvent } from '../../src/events/event-types.ts'
import * as usages from '../../src/cli-options/usage.ts'
import * as errors from '../../src/errors.ts'
import type { FindingCode } from '../../src/findings/finding.ts'
import type { RouteReason } from '../../src/events/served-by.ts'
import { ownOptions } from '../../src/options/option-names.ts'
import { parsePoolOptions } from '../../src/options/parse-pool-options.ts'
import { classify } from '../../src/classification/classify.ts'
import type { ProblemCode } from '../../src/topology/problem.ts'

/** The compiler sees to it that each of these has every name, and no other. */
const REASONS: Readonly<Record<RouteReason, true>> = {
  'own-region': true,
  nearest: true,
  'no-replica': true,
  mode: true,
  asked: true,
  write: true,
  session: true,
  'server-bound': true,
  'learned-write': true,
  transaction: true,
  pinned: true,
  'own-write': true,
  strong: true,
  lagging: true,
  unproven: true,
  hedged: true,
  'schema-lag': true,
  retry: true,
}

const EVENTS: Readonly<Record<keyof NearestEvents, true>> = {
  query: true,
  topology: true,
  problem: true,
  primary: true,
  'position-lost': true,
  mode: true,
  writer: true,
  store: true,
  observed: true,
  quiet: true,
  wake: true,
}

const ERRORS: Readonly<Record<NearestErrorCode, true>> = {
  NEAREST_BAD_OPTION: true,
  NEAREST_BAD_URL: true,
  NEAREST_UNKNOWN_REGION: true,
  NEAREST_UNKNOWN_LABEL: true,
  NEAREST_NO_SERVER: true,
  NEAREST_AUTHENTICATION: true,
  NEAREST_PASSWORD: true,
  NEAREST_STREAM: true,
  NEAREST_CONNECTION_LOST: true,
  NEAREST_ROLLED_BACK: true,
  NEAREST_COMMITTED: true,
  NEAREST_POOL_TRANSACTION: true,
  NEAREST_TRANSACTION_OVER: true,
  NEAREST_STREAM_LEFT_OPEN: true,
  NEAREST_NOT_HERE: true,
  NEAREST_TIMEOUT: true,
  NEAREST_READ_ONLY: true,
  NEAREST_READ_ONLY_HANDLE: true,
  NEAREST_READ_ONLY_MODE: true,
  NEAREST_OVERLOADED: true,
  NEAREST_BEHIND: true,
  NEAREST_NOT_REPLICATED: true,
  NEAREST_REQUEST_REPLAYED: true,
  NEAREST_VALUE_TOO_LONG: true,
  NEAREST_OLD_PG: true,
  NEAREST_ENDED: true,
  '08007': true,
}

const PROBLEMS: Readonly<Record<ProblemCode, true>> = {
  NEAREST_HOST_NOT_FOUND: true,
  NEAREST_UNREACHABLE: true,
  NEAREST_NOTHING_LISTENS: true,
  NEAREST_NOT_POSTGRES: true,
  NEAREST_TLS_ONLY: true,
  NEAREST_CLOSED_PORT: true,
  NEAREST_SILENT_PORT: true,
  NEAREST_ADMIN_CONSOLE: true,
  NEAREST_NO_TLS: true,
  NEAREST_CERTIFICATE: true,
  NEAREST_FILE: true,
  NEAREST_STREAM: true,
  NEAREST_AUTHENTICATION: true,
  NEAREST_PASSWORD: true,
  NEAREST_NO_DATABASE: true,
  NEAREST_FULL: true,
  NEAREST_STARTING: true,
  NEAREST_STOPPED: true,
  NEAREST_BEHIND: true,
  NEAREST_UNUSABLE: true,
  NEAREST_OTHER_CLUSTER: true,
  NEAREST_WRONG_PLACE: true,
  NEAREST_NO_EVIDENCE: true,
  NEAREST_READ_ONLY: true,
  NEAREST_STALLED: true,
  NEAREST_SEVERAL_SERVERS: true,
  NEAREST_NO_POSITIONS: true,
  NEAREST_NO_PIPELINES: true,
  NEAREST_SSL_OVERRIDDEN: true,
  NEAREST_SERVER_LIST: true,
}

type OwnFinding = Extract<FindingCode, `DOCTOR_${string}`>
const FINDINGS: Readonly<Record<OwnFinding, true>> = {
  DOCTOR_SILENT: true,
  DOCTOR_OTHER_ROLE: true,
  DOCTOR_OLD_VERSION: true,
  DOCTOR_NO_PRIMARY: true,
  DOCTOR_TIMELINE: true,
  DOCTOR_NO_LAG: true,
  DOCTOR_PAUSED: true,
  DOCTOR_LATE: true,
  DOCTOR_APPLY_DELAY: true,
  DOCTOR_NOT_STREAMING: true,
  DOCTOR_CONFLICTS: true,
  DOCTOR_ENDLESS_CONFLICTS: true,
  DOCTOR_UNUSED_SLOT: true,
  DOCTOR_TABLES: true,
  DOCTOR_SUPERUSER: true,
  DOCTOR_FEW_CONNECTIONS: true,
  DOCTOR_IDLE_LIMIT: true,
  DOCTOR_PROXY_LIMIT: true,
  DOCTOR_UNENCRYPTED: true,
  DOCTOR_POOLER: true,
  DOCTOR_TOO_NEAR: true,
  DOCTOR_TOO_FAR: true,
  DOCTOR_MACHINE_STOPPED: true,
  DOCTOR_REGION_NOT_LISTED: true,
  DOCTOR_NO_SUCH_REGION: true,
  DOCTOR_NO_READS: true,
}

const STORE: Readonly<Record<NonNullable<StoreEvent['code']>, true>> = {
  NEAREST_STORE_SILENT: true,
  NEAREST_STORE_FAILED: true,
  NEAREST_STORE_GARBAGE: true,
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** The cells of the tables whose first column has this head, row by row. */
function rowsUnder(head: string, text: string): string[][] {
  const tables = text.split('\n\n').filter((block) => new RegExp(`^\\| ${head} +\\|`).test(block))
  return tables.flatMap((table) =>
    table
      .trim()
      .split('\n')
      .slice(2)
      .map((row) => row.split('|').slice(1, -1)),
  )
}

/** All that stands in backquotes in the first column. */
const namesUnder = (head: string, text: string): string[] =>
  rowsUnder(head, text).flatMap(([first = '']) => [...first.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].toSorted()

test.each([
  ['reason', 'docs/reasons.md', REASONS],
  ['event', 'docs/reasons.md', EVENTS],
  ['code', 'docs/errors.md', ERRORS],
  ['code', 'docs/doctor.md', { ...PROBLEMS, ...FINDINGS }],
  ['store', 'docs/shared-sessions.md', STORE],
])('every %s stands in the tables of %s, and no other', (head, file, names) => {
  const told = namesUnder(head, read(file))
  expect(sorted(told)).toEqual(sorted(Object.keys(names)))
})

test('every reason stands in the docstring, and no other', () => {
  const [docstring = ''] = read('src/events/served-by.ts').split('export type RouteReason')
  const told = [...docstring.matchAll(/^ \* - (.*?):/gm)].flatMap(([, names = '']) => names.match(/[a-z-]+/g) ?? [])
  expect(sorted(told)).toEqual(sorted(Object.keys(REASONS)))
})

test('every option stands in the tables, and no other but max and min', () => {
  expect(sorted(namesUnder('option', read('docs/options.md')))).toEqual(sorted([...ownOptions, 'max', 'min']))
})

test('the defaults in the tables are those of the source', () => {
  const defaults: Readonly<Record<string, unknown>> = {
    ...parsePoolOptions({ primary: 'postgres://app@localhost/app' }, {}),
  }
  const told = rowsUnder('option', read('docs/options.md')).map(([name = '', value = '']) => [
    name.replaceAll('`', '').trim(),
    value.replaceAll(/[`',]/g, '').trim(),
  ])
  const wrong = told.filter(([name = '', value]) => {
    const is = defaults[name]
    return (typeof is === 'number' || typeof is === 'string' || typeof is === 'boolean') && String(is) !== value
  })
  expect(wrong).toEqual([])
  expect(told.filter(([name = '']) => typeof defaults[name] === 'number').length).toBeGreaterThan(7)
})

test('the statements that surprise are classified as their table says', () => {
  const rows = rowsUnder('text', read('docs/what-runs-where.md'))
  const told = rows.flatMap(([texts = '', wanted = '']) =>
    [...texts.matchAll(/`([^`]+)`/g)].map(([, text = '']) => [text, wanted.replaceAll('`', '').trim()]),
  )
  expect(told.map(([text = '']) => [text, classify(text).class])).toEqual(told)
  expect(told.length).toBeGreaterThan(10)
})

const guides = readdirSync(new URL('../../docs', import.meta.url))
  .filter((name) => name.endsWith('.md'))
  .map((name) => read(`docs/${name}`))
  .join('\n')

test('every guard stands among the errors', () => {
  const guards = Object.keys(errors).filter((name) => /^is[A-Z]/.test(name) || name === 'nearestErrorOf')
  expect(guards.filter((name) => !read('docs/errors.md').includes(`\`${name}`))).toEqual([])
  expect(guards.length).toBeGreaterThan(8)
})

test('every door, and every option of a command, stands in a guide', () => {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, string> }
  const doors = Object.keys(exports).filter((door) => !/^\.$|json$/.test(door))
  expect(doors.filter((door) => !guides.includes(`pg-nearest${door.slice(1)}`))).toEqual([])
  const options = new Set(Object.values(usages).flatMap((usage) => usage.match(/--[a-z-]+/g) ?? []))
  const unnamed = [...options].filter((option) => !read('docs/commands.md').includes(option))
  expect(unnamed).toEqual(['--version'])
  const commands = usages.mainUsage.match(/(?<=^ {2}pg-nearest )[a-z]+/gm) ?? []
  expect(commands.filter((command) => !read('docs/commands.md').includes(`npx pg-nearest ${command}`))).toEqual([])
  expect(commands).toHaveLength(6)
})

/** What a user gives to a function, beside `createPool`. */
const OPTIONS = [
  'src/route/request.ts',
  'src/transaction/batch-options-and-routing.ts',
  'src/transaction/transaction.ts',
  'src/pool/session.ts',
  'src/replication-wait/replication-wait-options.ts',
  'src/pool/replica-handle-options.ts',
  'src/http-session/options.ts',
  'src/replay/replay-options.ts',
  'src/opentelemetry/options.ts',
  'src/bookmark-table/postgres-bookmark-store.ts',
  'src/redis/redis-store.ts',
]

test.each(OPTIONS)('every option of %s stands in a guide', (file) => {
  const interfaces = [...read(file).matchAll(/^export interface (?!Parsed)\w*Options\b.*?^}/gms)].map(([text]) => text)
  const names = interfaces.flatMap((text) =>
    [...text.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = '']) => name),
  )
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(guides))).toEqual([])
  expect(names.length).toBeGreaterThan(0)
})
