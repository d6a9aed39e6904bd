import type { Draft, Drafter } from './draft.ts'

/** Texts for what reads row by row. */
const ROWS: readonly Drafter[] = [
  ({ random }) =>
    texted(`select n, repeat('r', 10) as r from generate_series(1, ${random.pick([0, 3, 10, 1_000])}) as n`),
  () => texted('select id, name, amount from items order by id'),
  () => texted('select inverse(6 - n) as v from generate_series(1, 10) as n', true),
  () => texted('select * from nowhere', true),
  () => texted("insert into notes (body) select 'streamed ' || n from generate_series(1, 5) as n returning body"),
  () => texted('select n, hit() as hits from generate_series(1, 6) as n'),
  () => texted("select explode('in a stream', '57P01')", true),
  () => texted('update items set amount = amount + 1'),
]

const CHUNKS: readonly (readonly string[])[] = [
  ['one\t1\n', 'two\t2\n'],
  ['thr', 'ee\t3\nfour\t4\n'],
  [],
  [Array.from({ length: 400 }, (_, i) => `many${i}\t${i}\n`).join('')],
  ['good\t5\n', 'bad\tnot a number\n', 'good\t6\n'],
  ['n1\t7\n'],
  ['negative\t-1\n'],
]

const COPIES_TO = [
  'copy (select n, n * 2 from generate_series(1, 50) as n) to stdout',
  'copy (select id, name from items order by id) to stdout with (format csv, header)',
  'copy (select inverse(6 - n) from generate_series(1, 10) as n) to stdout',
  'copy nowhere to stdout',
  'copy (select hit()) to stdout',
  "copy (select repeat('x', 1000) from generate_series(1, 200)) to stdout",
]

/** A cursor, a query stream, or COPY. */
export const streaming: Drafter = (context) => {
  const { random } = context
  const rows = random.pick(ROWS)(context)
  const { text } = rows.operation as { text: string }
  const mayFail = { mayFail: true } as const
  const mode = random.chance(0.15) ? { rowMode: 'array' as const } : {}
  switch (random.integer(6)) {
    case 0:
    case 1:
      return { ...rows, operation: { kind: 'cursor', text, ...mode, ...reading(random.integer(4)) } }
    case 2:
    case 3: {
      const batch = random.chance(0.5) ? { batchSize: random.pick([1, 2, 5, 100]) } : {}
      const take = random.chance(0.35) ? { take: random.pick([1, 2, 4]) } : {}
      return { ...rows, operation: { kind: 'stream', text, ...mode, ...batch, ...take } }
    }
    case 4: {
      const table = random.chance(0.9) ? 'items (name, amount)' : 'nowhere'
      const abort = random.chance(0.2)
      const copy = { kind: 'copy-from' as const, text: `copy ${table} from stdin`, chunks: random.pick(CHUNKS), abort }
      return { ...mayFail, operation: copy }
    }
    default:
      return { ...mayFail, operation: { kind: 'copy-to', text: random.pick(COPIES_TO) } }
  }
}

/** To the end and closed, to the end, closed early, or closed at once. */
function reading(how: number): { reads: readonly number[]; close: boolean } {
  if (how === 0) return { reads: [2, 3, 10_000], close: true }
  if (how === 1) return { reads: [1, 10_000], close: false }
  if (how === 2) return { reads: [2, 2], close: true }
  return { reads: [1], close: true }
}

function texted(text: string, mayFail?: true): Draft {
  return { operation: { kind: 'query', text }, ...(mayFail === undefined ? {} : { mayFail }) }
}
