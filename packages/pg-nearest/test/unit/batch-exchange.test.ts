import fc from 'fast-check'
import pg from 'pg'
import { expect, test } from 'vitest'
import { BatchExchange, type BatchEnd } from '../../src/lane-batch/batch-exchange.ts'
import type { LaneRead } from '../../src/lane-batch/lane-read.ts'
import { AskingStatement, ReadStatement } from '../../src/lane-batch/lane-statement-response.ts'
import { unnamed } from '../../src/prepared-statements/prepared-statements.ts'
import { isReadable } from '../../src/message-framing/malformed-message-check.ts'
import { MessageDispatcher } from '../../src/message-framing/message-dispatcher.ts'
import type { DataRow, Field, RowDescription, WireConnection } from '../../src/wire/pg-internals.ts'
import { pgConnection } from './pg-connection.ts'
import {
  BIND_COMPLETE,
  commandComplete,
  dataRow,
  noticeResponse,
  errorResponse,
  PARSE_COMPLETE,
  READY,
  rowDescription,
  type Column,
} from './wire-messages.ts'

interface Answer {
  readonly rowMode: 'array' | undefined
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (string | null)[])[]
}

/** What pg gives for a type, and texts of it. */
const TYPES: readonly (readonly [type: number, text: fc.Arbitrary<string>])[] = [
  [25, fc.string({ unit: 'binary' })],
  [23, fc.integer().map(String)],
  [20, fc.bigInt().map(String)],
  [16, fc.constantFrom('t', 'f')],
  [701, fc.double().map(String)],
  [114, fc.json()],
  [1184, fc.constant('2026-11-27 06:42:34.123+00')],
  [17, fc.uint8Array().map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`)],
  [1007, fc.array(fc.integer()).map((values) => `{${values.join(',')}}`)],
]

const answers: fc.Arbitrary<Answer> = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'a b', '__proto__', 'toString', '1', ''), fc.constantFrom(...TYPES)), {
    maxLength: 5,
  })
  .chain((columns) =>
    fc.record({
      rowMode: fc.constantFrom('array' as const, undefined),
      columns: fc.constant(columns.map(([name, [type]]) => ({ name, type }))),
      rows: fc.array(fc.tuple(...columns.map(([, [, text]]) => fc.option(text))), { maxLength: 4 }),
    }),
  )

test('reads what pg reads, however it is cut, and whatever comes in between', () => {
  fc.assert(
    fc.property(
      fc.array(answers, { maxLength: 4 }),
      fc.infiniteStream(fc.nat(40)),
      fc.boolean(),
      (given, cuts, isNoticed) => {
        const { reads, end } = readByBatch(given, chunksOf(streamOf(given, isNoticed), cuts))
        expect(end).toEqual({ kind: 'answered' })
        expect(reads).toEqual(readByPg(given, streamOf(given, isNoticed)))
        expect(reads.map((read) => read?.rows.map((row: object) => Object.keys(row)))).toEqual(
          readByPg(given, streamOf(given, isNoticed)).map((read) => read?.rows.map((row: object) => Object.keys(row))),
        )
      },
    ),
    { endOnFailure: true },
  )
})

test('a refused batch is told as refused, whatever was read of it', () => {
  const refused = Buffer.concat([PARSE_COMPLETE, BIND_COMPLETE, errorResponse('22012', 'division by zero'), READY])
  const given = [{ rowMode: undefined, columns: [], rows: [] }]
  expect(readByBatch(given, [refused]).end).toEqual({ kind: 'refused', culprit: 'restriction' })
})

/** Some of pg's parsers do not end with every text. */
const AS_TEXTS: pg.CustomTypesConfig = { getTypeParser: (type: number) => (text: string) => `${type}: ${text}` }

test('never gives a row that pg would not read from the same bytes, and ends by itself or not at all', () => {
  const mutations = fc.array(fc.record({ kind: fc.constantFrom(...MUTATIONS), at: fc.nat(), size: fc.nat(255) }), {
    minLength: 1,
    maxLength: 4,
  })
  fc.assert(
    fc.property(
      fc.array(answers, { minLength: 1, maxLength: 3 }),
      mutations,
      fc.infiniteStream(fc.nat(40)),
      (given, changes, cuts) => {
        const bytes = changes.reduce(mutated, streamOf(given, false))
        const { reads, end } = readByBatch(given, chunksOf(bytes, cuts), AS_TEXTS)
        if (end?.kind !== 'answered') return
        const theirs = readByPg(given, bytes, AS_TEXTS)
        reads.forEach((read, i) => {
          if (read !== undefined) expect(read.rows).toEqual(theirs[i]?.rows)
        })
      },
    ),
    { numRuns: Number(process.env['LANE_STREAMS'] ?? 2_000), endOnFailure: true },
  )
}, 3_600_000)

const MUTATIONS = ['change', 'lose', 'repeat', 'lose message', 'repeat message', 'swap messages', 'end'] as const

interface Mutation {
  readonly kind: (typeof MUTATIONS)[number]
  readonly at: number
  readonly size: number
}

/** By bytes, or by whole messages as long as they are any. */
function mutated(bytes: Buffer, { kind, at: anywhere, size }: Mutation): Buffer {
  const at = anywhere % (bytes.length + 1)
  const messages = messagesOf(bytes)
  const i = anywhere % messages.length
  const other = (i + size) % messages.length
  switch (kind) {
    case 'change':
      bytes[at] = size
      return bytes
    case 'lose':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)])
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, at + size), bytes.subarray(at)])
    case 'lose message':
      return Buffer.concat(messages.toSpliced(i, 1))
    case 'repeat message':
      return Buffer.concat(messages.toSpliced(i, 0, ...messages.slice(other, other + 1)))
    case 'swap messages': {
      const [one, another] = [messages.slice(i, i + 1), messages.slice(other, other + 1)]
      return Buffer.concat(messages.toSpliced(i, 1, ...another).toSpliced(other, 1, ...one))
    }
    case 'end':
      return bytes.subarray(0, at)
  }
}

/** What is none any more is the last. */
function messagesOf(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = []
  let at = 0
  while (at + 5 <= bytes.length) {
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    if (end < at + 5 || end > bytes.length) break
    messages.push(bytes.subarray(at, end))
    at = end
  }
  return [...messages, bytes.subarray(at)]
}

/** Each is described, behind our own statement ahead of them all. */
function streamOf(given: readonly Answer[], isNoticed: boolean): Buffer {
  const notice = isNoticed ? [noticeResponse('hello')] : []
  return Buffer.concat([
    PARSE_COMPLETE,
    BIND_COMPLETE,
    dataRow(['on', 'read committed', '1']),
    commandComplete('SELECT 1'),
    ...given.flatMap(({ columns, rows }) => [
      PARSE_COMPLETE,
      BIND_COMPLETE,
      rowDescription(columns),
      ...notice,
      ...rows.map(dataRow),
      commandComplete(`SELECT ${rows.length}`),
    ]),
    READY,
  ])
}

function chunksOf(bytes: Buffer, cuts: Iterator<number>): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + (cuts.next().value as number)
    chunks.push(Buffer.from(bytes.subarray(at, end)))
    at = end
  }
  return chunks
}

type Read = pg.QueryResult | undefined

function readByBatch(
  given: readonly Answer[],
  chunks: readonly Buffer[],
  types: pg.CustomTypesConfig = pg.types,
): { reads: Read[]; end: BatchEnd | undefined } {
  let end: BatchEnd | undefined
  const asking = new AskingStatement(unnamed('restriction'), { text: 'restriction', columns: 3 })
  asking.parses = true
  const statements = given.map(({ rowMode }, i) => {
    const read: LaneRead = {
      text: String(i),
      sent: String(i),
      values: [],
      rowMode,
      types: undefined,
      sharing: { tables: undefined },
      asksAhead: false,
      question: undefined,
      abandoned: false,
      end: () => undefined,
    }
    const statement = new ReadStatement(unnamed(read.text), read, { fields: undefined }, types)
    statement.parses = true
    statement.describes = true
    return statement
  })
  const batch = new BatchExchange([asking, ...statements], Buffer.alloc(0), 0, (_, ended) => (end ??= ended))
  const { connection: parser, stream } = pgConnection()
  const pass = (chunk: Buffer): void => {
    try {
      stream.emit('data', chunk)
    } catch (error) {
      end ??= { kind: 'lost', error }
    }
  }
  const connection = {
    stream: { destroy: () => (end ??= { kind: 'lost', error: undefined }) },
  } as unknown as WireConnection
  parser.on('rowDescription', (message: RowDescription) => batch.handleRowDescription(message))
  parser.on('dataRow', () => batch.handleDataRow())
  parser.on('commandComplete', () => batch.handleCommandComplete())
  parser.on('errorMessage', (error: unknown) => batch.handleError(error))
  parser.on('readyForQuery', () => batch.handleReadyForQuery())
  parser.on('emptyQuery', () => batch.handleEmptyQuery())
  parser.on('portalSuspended', () => batch.handlePortalSuspended())
  parser.on('copyInResponse', () => batch.handleCopyInResponse(connection))
  const fail = (error: unknown): void => void (end ??= { kind: 'lost', error })
  const dispatcher = new MessageDispatcher(pass, fail)
  dispatcher.serve(() => (end === undefined ? batch : undefined), fail)
  for (const chunk of chunks) if (end === undefined) dispatcher.take(chunk)
  return { reads: statements.map(({ result }) => result), end }
}

/** By pg's parser and its `Result`. */
function readByPg(given: readonly Answer[], bytes: Buffer, types: pg.CustomTypesConfig = pg.types): Read[] {
  const reads: Read[] = []
  const { connection, stream } = pgConnection()
  type Result = pg.QueryResult & {
    addFields(fields: readonly Field[]): void
    parseRow(row: readonly (string | null)[]): object
    addCommandComplete(message: object): void
  }
  const PgResult = pg.Result as unknown as new (rowMode: string | undefined, types: object) => Result
  let at = -1
  let hasTexts = true
  const begin = (): Result => new PgResult(given[at]?.rowMode, types)
  let result = begin()
  connection.on('rowDescription', ({ fields }: RowDescription) => result.addFields(fields))
  connection.on('dataRow', ({ fields }: DataRow) => {
    try {
      if (at >= 0) result.rows.push(result.parseRow(fields))
    } catch {
      // A text that is none of its type.
      hasTexts = false
    }
  })
  connection.on('commandComplete', (message: object) => {
    result.addCommandComplete(message)
    if (at++ >= 0) reads.push(hasTexts ? result : undefined)
    hasTexts = true
    result = begin()
  })
  try {
    stream.emit('data', bytes.subarray(0, endOfMessages(bytes)))
  } catch {
    // What it has read so far counts.
  }
  return reads
}

const FREQUENT = Buffer.from('123DC')

/** Where the batch ends, or its messages do, or one is such that pg's parser would read it for ever. */
function endOfMessages(bytes: Buffer): number {
  let at = 0
  while (at + 5 <= bytes.length) {
    const length = bytes.readUInt32BE(at + 1)
    const end = at + 1 + length
    if (length < 4 || end > bytes.length) break
    const type = bytes.readUInt8(at)
    if (!FREQUENT.includes(type) && !isReadable(type, bytes, at + 5, end)) break
    at = end
    if (type === READY[0]) break
  }
  return at
}
