import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import spec from '../../spec/classification.json' with { type: 'json' }
import { classify } from '../../src/classification/classify.ts'

const cases = spec.sections.flatMap((section) => section.cases)
const textsOf = (wanted: string): string[] => cases.filter((row) => row.class === wanted).map(({ text }) => text)
const aRead = fc.constantFrom(...textsOf('read'))
const aWrite = fc.constantFrom('insert into t values (1)', 'delete from t', 'update t set a = 1', "select nextval('s')")
const aModification = fc.constantFrom('insert into t values (1)', 'delete from t', 'update t set a = 1')
const sqlPiece = fc.constantFrom(...'\'|"|$$|$a$|--|/*|*/|\n|\\|;|(|)|E\'|U&"|begin|atomic|end|explain|with'.split('|'))
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.oneof(sqlPiece, fc.string({ maxLength: 3 }), fc.constantFrom('select', 'copy', 'to', 'stdout')), {
      maxLength: 30,
    })
    .map((pieces) => pieces.join(' ')),
)

describe('classify', () => {
  test('gives one answer to every text, and never throws', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const need = classify(text)
        expect(['read', 'write', 'server-bound', 'session', 'transaction']).toContain(need.class)
        expect(need.transaction !== undefined).toBe(need.class === 'transaction')
        expect(classify(text)).toEqual(need)
      }),
      { numRuns: 2000 },
    )
  })

  test('white space and comments around a read change nothing', () => {
    const gap = fc.array(fc.constantFrom(' ', '\n', '\t', '/* ; delete from t */', '/* a /* b */ */', '-- set a = 1\n'))
    fc.assert(
      fc.property(gap, aRead, gap, (before, read, after) => {
        expect(classify(`${before.join('')}${read}\n${after.join('')}`).class).toBe('read')
      }),
      { numRuns: 500 },
    )
  })

  test('case changes nothing outside of quotes', () => {
    const plain = cases.filter(({ text }) => !/["'$]/.test(text))
    const changed = plain.filter((row) => classify(row.text.toUpperCase()).class !== row.class)
    expect(plain.length).toBeGreaterThan(100)
    expect(changed).toEqual([])
  })

  test('a write in a string, a quoted name, a comment or a dollar quote is none', () => {
    const hidden: ((write: string) => string)[] = [
      (write) => `select '${write.replaceAll("'", "''")}'`,
      (write) => `select E'\\'; ${write.replaceAll("'", "\\'")}'`,
      (write) => `select "; ${write}" from t`,
      (write) => `select /* ; ${write} */ 1`,
      (write) => `select 1 -- ; ${write}`,
      (write) => `select $x$; ${write} $x$`,
    ]
    fc.assert(
      fc.property(aWrite, fc.constantFrom(...hidden), (write, hide) => {
        expect(classify(hide(write)).class).toBe('read')
      }),
    )
  })

  test('a text that ends in a write is never a read', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.constantFrom(...cases.map(({ text }) => text))), aWrite, (text, write) => {
        // A line comment or an open quote would swallow what follows, and then it is not run.
        fc.pre(!text.includes('--'))
        expect(classify(`${text}; ${write}`).class).not.toBe('read')
      }),
      { numRuns: 2000 },
    )
  })

  test('a WITH that writes is never a read, however deep it stands', () => {
    const wrap = fc.constantFrom<(inner: string) => string>(
      (inner) => `select * from (${inner}) x`,
      (inner) => `with y as (${inner}) select * from y`,
      (inner) => `with z as (select 1), y as materialized (${inner}) table y`,
      (inner) => `(${inner}) union all select 1`,
      (inner) => `explain analyze ${inner}`,
      (inner) => `/* read */ ${inner}`,
    )
    fc.assert(
      fc.property(aModification, fc.array(wrap, { maxLength: 8 }), (modification, wraps) => {
        const core = `with x as (${modification} returning *) select * from x`
        expect(classify(wraps.reduce((text, next) => next(text), core)).class).not.toBe('read')
      }),
    )
  })

  test.each([
    ['nested comments', (n: number) => `select 1 ${'/*'.repeat(n)}${'*/'.repeat(n)}`],
    ['open comments', (n: number) => '/*'.repeat(n)],
    ['quotes', (n: number) => `select ${"'a' ".repeat(n)}`],
    ['open dollar quotes', (n: number) => `select ${'$a '.repeat(n)}`],
    ['explanations', (n: number) => 'explain '.repeat(n)],
    ['brackets', (n: number) => `${'('.repeat(n)}select 1${')'.repeat(n)}`],
    ['statements', (n: number) => 'select 1;'.repeat(n)],
    ['conditions', (n: number) => `select * from t where ${'a = 1 or '.repeat(n)} true`],
  ])('takes time in proportion to the text: %s', (_name, build) => {
    const took = (n: number): number => {
      const text = build(n)
      const times = [0, 1, 2].map(() => {
        const before = process.cpuUsage()
        classify(text)
        const { user, system } = process.cpuUsage(before)
        return (user + system) / 1_000
      })
      return Math.min(...times)
    }
    // Sixteen times the text: 16 if linear, 256 if quadratic. Processor time, and a floor, keep noise out.
    expect(took(64_000)).toBeLessThan(Math.max(100 * took(4_000), 200))
  })
})
