import pg from 'pg'
import { expect, test } from 'vitest'
import { FasterPgQuery } from '../../src/wire/faster-pg-query.ts'
import { PgQuery, type QueryInternals } from '../../src/wire/pg-internals.ts'

interface Case {
  readonly names: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `column ${i}`)

const CASES: Readonly<Record<string, Case>> = {
  'no column': { names: [], rows: [[]] },
  'one column': { names: ['id'], rows: [['7'], [null]] },
  'names that numbers are put in order of': { names: ['b', '10', '2', 'a'], rows: [['1', '2', '3', '4']] },
  'two of one name': { names: ['id', 'id'], rows: [['1', '2']] },
  'the names of what every object has': {
    names: ['__proto__', 'constructor', 'toString', 'hasOwnProperty'],
    rows: [
      ['1', '2', '3', '4'],
      [null, null, null, null],
    ],
  },
  'more columns than V8 keeps in an object of its own shape': { names: names(200), rows: [names(200)] },
}

const results = (Query: typeof PgQuery, { names: columns, rows }: Case, rowMode: 'array' | undefined): unknown => {
  let result: unknown
  const query = new Query({ text: 'select', ...(rowMode && { rowMode }) } as pg.QueryConfig)
  query.callback = (error, answer) => (result = error ?? answer)
  const fields = columns.map((name) => ({ name, dataTypeID: 23, format: 'text' as const }))
  // The second one is of another statement in the same text.
  for (let i = 0; i < 2; i++) {
    query.handleRowDescription({ fields })
    for (const row of rows) query.handleDataRow({ fields: row })
    query.handleCommandComplete({ text: `SELECT ${rows.length}` }, undefined as never)
  }
  query.handleReadyForQuery(undefined as never)
  return result
}

/** The order of the columns, and what their object is. */
const shape = (result: unknown): unknown =>
  (result as pg.QueryResult[]).map(({ rows }) => ({
    rows: rows.map((row: object) => [
      Object.getPrototypeOf(row),
      Object.entries(Object.getOwnPropertyDescriptors(row)),
    ]),
  }))

test.each(Object.entries(CASES))('rows of %s are as those of pg', (_, given) => {
  for (const rowMode of [undefined, 'array'] as const) {
    const [ours, theirs] = [results(FasterPgQuery, given, rowMode), results(PgQuery, given, rowMode)]
    expect(shape(ours)).toEqual(shape(theirs))
    expect(ours).toEqual(theirs)
  }
})

test('names that all objects have are columns where the app has frozen those', () => {
  const inherited = Object.getOwnPropertyDescriptor(Object.prototype, 'toString') as PropertyDescriptor
  // oxlint-disable-next-line no-extend-native -- as Object.freeze(Object.prototype), which could not be undone
  Object.defineProperty(Object.prototype, 'toString', { ...inherited, writable: false })
  try {
    const given = { names: ['toString', 'id'], rows: [['1', '2']] }
    expect(results(FasterPgQuery, given, undefined)).toEqual(results(PgQuery, given, undefined))
  } finally {
    // oxlint-disable-next-line no-extend-native -- puts it back
    Object.defineProperty(Object.prototype, 'toString', inherited)
  }
})

test('types whose getTypeParser throws are told when the statement has ended', () => {
  const thrown = new Error('no such type')
  const getTypeParser = (): never => {
    throw thrown
  }
  let told: unknown
  const query = new FasterPgQuery({ text: 'select', types: { getTypeParser } })
  query.callback = (error) => (told = error)
  query.handleRowDescription({ fields: [{ name: 'id', dataTypeID: 23, format: 'text' }] })
  query.handleDataRow({ fields: ['7'] })
  query.handleCommandComplete({ text: 'SELECT 1' }, undefined as never)
  expect(told).toBeUndefined()
  query.handleReadyForQuery(undefined as never)
  expect(told).toBe(thrown)
})

test('who listens for rows, and wants no result, gets them one by one', () => {
  const rows: unknown[] = []
  const query = new FasterPgQuery({ text: 'select' }) as QueryInternals & NodeJS.EventEmitter
  query.on('row', (row) => rows.push(row))
  query.handleRowDescription({ fields: [{ name: 'id', dataTypeID: 23, format: 'text' }] })
  query.handleDataRow({ fields: ['7'] })
  expect(rows).toEqual([{ id: 7 }])
})
