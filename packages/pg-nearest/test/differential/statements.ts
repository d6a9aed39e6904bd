import { draft, weighted, type Context, type Draft, type Drafter } from './draft.ts'
import type { QueryOperation, Value } from './operation.ts'

type Extra = Omit<QueryOperation, 'kind' | 'text' | 'values'>

function asked(text: string, values: readonly Value[], more: Omit<Draft, 'operation'> = {}, extra: Extra = {}): Draft {
  return { operation: { kind: 'query', text, values, ...extra }, ...more }
}

const READS: readonly Drafter[] = [
  ({ random }) => asked('select id, name, amount from items where id = $1', [random.integer(6)]),
  () => draft('select count(*)::int as n, sum(amount)::int as total from items'),
  () => draft('select name from items where name is not null order by id limit 3'),
  ({ random }) => asked('select $1::int + $2::int as sum, $3::text as t', [random.integer(9), 2, 'three']),
  ({ random }) => asked('select n from generate_series(1, $1) as n', [random.pick([0, 1, 7, 300])]),
  ({ random }) => draft(`select repeat('x', ${random.pick([10, 20_000])}) as big, n from generate_series(1, 4) as n`),
  () =>
    draft(`select 1::int8 as a, 1.50 as b, true as c, null as d, '{1,2}'::int[] as e, '{"a":1}'::jsonb as f,
      '\\x01'::bytea as g, date '2026-02-03' as h, timestamptz '2026-02-03 04:05:06Z' as i, 'x'::char(3) as j`),
  () => draft('select 1 as a, 2 as a, 3 as b'),
  () => draft('select'),
  () => draft('values (1, $$one$$), (2, $$two$$)'),
  () => draft('table hits'),
  ({ random }) => asked('select $1::jsonb as v', [{ special: random.pick(['object', 'undefined'] as const) }]),
  () => asked('select $1::timestamptz as d, $2::bytea as b', [{ special: 'date' }, { special: 'bytes' }]),
  () => asked('select $1::int8 as v, $2::int[] as list', [{ special: 'bigint' }, [1, 2, 3]]),
  () => draft("select say('hello') as said"),
  () => draft('select max(n) from hits; select 2 as second'),
  () => draft('explain (costs off) select 1'),
  () => draft('show search_path'),
  () => draft("select current_setting('app.who', true) as who"),
  () => draft('show transaction_isolation'),
]

const WRITES: readonly Drafter[] = [
  ({ random }) =>
    asked(
      'insert into items (name, amount) values ($1, $2) returning id, name',
      [`n${random.integer(12)}`, random.integer(100)],
      { mayFail: true },
    ),
  ({ random }) => asked('insert into notes (body) values ($1)', [`note ${random.integer(100)}`]),
  ({ random }) =>
    asked('update items set amount = amount + $2 where id = $1 returning amount', [random.integer(6), -12], {
      mayFail: true,
    }),
  () => draft('update items set amount = amount + 1'),
  ({ random }) => asked('delete from items where id = $1', [random.integer(6)]),
  () =>
    draft('with gone as (delete from notes returning id) insert into items (amount) select id from gone where id < 0'),
  ({ random }) =>
    asked('with new as (insert into notes (body) values ($1) returning id, body) select * from new', [
      `cte ${random.integer(9)}`,
    ]),
  () =>
    draft(`insert into items (name, amount) values ('n1', 1)
      on conflict (name) do update set amount = items.amount + excluded.amount returning amount`),
  () => draft('merge into hits using (values (1)) as v (x) on true when matched then update set n = n + 10'),
  () => draft('select hit() as n'),
  () => draft('select hit_loudly() as n'),
  () => draft('select count(*)::int as n from items where hit() > 0'),
  () => draft("select nextval('tickets')::int as ticket"),
  () => draft('select * from items where id = 1 for update'),
  () => draft('do $$ begin perform hit(); raise notice $n$done$n$; end $$'),
  ({ random }) =>
    asked('insert into pairs values ($1, $2)', [10 + random.integer(5), random.integer(5)], { mayFail: true }),
  () =>
    draft(
      "insert into notes (body) values ('a'); insert into notes (body) values ('b') returning body; select 1 as one",
    ),
]

const CODES = ['P0001', '57P01', '40001', '08006', '25006', '26000', '53300', 'XX000', '57014', '08007', '42P05']

const FAILURES: readonly Drafter[] = [
  () => draft('select 1/0'),
  () => draft('select * from nowhere'),
  () => draft('selec 1'),
  () => draft('insert into items (name, amount) values ($$n1$$, 1)'),
  () => draft('insert into notes (id, body) values (1, $$no$$)'),
  ({ random }) => asked('select explode($1, $2)', ['on purpose', random.pick(CODES)]),
  ({ random }) => asked('select hit_and_explode($1)', [random.pick(CODES)]),
  () => draft("insert into notes (body) values ('first'); select 1/0; insert into notes (body) values ('third')"),
  () => draft('select inverse(3 - n) from generate_series(1, 5) as n'),
  () => asked('select $1::int + $2::int as sum', [1]),
  () => asked('select $1::int as one', [1, 2]),
  () => asked('select $1::int as one', ['not a number']),
  () => asked('select $1::text as v', [{ special: 'unsendable' }]),
  () => asked('insert into notes (body) values ($1)', [{ special: 'unsendable' }]),
  () => asked('select $1::int; select 2', [1]),
  () => draft('savepoint never; select 1/0'),
  () => draft('vacuum items; select 1'),
]

const EMPTIES: readonly Drafter[] = [
  () => draft(''),
  () => draft(';'),
  () => draft('-- nothing'),
  () => draft('/* nothing */ ;;'),
  () => draft('/* first */ select 1 as one -- last'),
]

const SETTINGS: readonly Drafter[] = [
  ({ random }) => draft(`set app.who = 'w${random.integer(3)}'`, { leaves: true }),
  () => draft("set local app.who = 'local'", { leaves: true }),
  () => draft("select set_config('app.who', 'by function', false) as who", { leaves: true }),
  () => draft('reset app.who', { leaves: true }),
  () => draft('show app.who', { mayFail: true }),
  () => draft('set extra_float_digits = 1', { leaves: true }),
  ({ unique }) => draft(`create temp table t_${unique} as select 1 as a`, { leaves: true, mayFail: true }),
  ({ unique }) => draft(`create temp table if not exists t_${unique} (a int)`, { leaves: true }),
  ({ unique }) => draft(`insert into t_${unique} values (7)`, { mayFail: true }),
  ({ unique }) => draft(`select * from t_${unique}`, { mayFail: true }),
  ({ unique }) => draft(`prepare p_${unique} as select 'prepared' as v`, { leaves: true, mayFail: true }),
  ({ unique }) => draft(`execute p_${unique}`, { mayFail: true }),
  ({ unique }) => draft(`select pg_advisory_lock(hashtext('${unique}'))`, { leaves: true }),
  ({ unique }) => draft(`select pg_advisory_unlock(hashtext('${unique}')) as ours`, { leaves: true }),
  ({ unique }) => draft(`select pg_try_advisory_xact_lock(hashtext('x_${unique}')) as ours`, { leaves: true }),
  () => draft('listen news', { leaves: true }),
  () => draft('unlisten news', { leaves: true }),
  ({ random }) => draft(`notify news, 'item ${random.integer(9)}'`),
  () => draft("select pg_notify('news', 'by function')"),
]

/** The same name with another text is pg's error. */
const NAMED: readonly Drafter[] = [
  (context) => asked('select $1::int as n', [1], { leaves: true, mayFail: true }, named(context)),
  (context) => asked('select name from items where id = $1', [2], { leaves: true, mayFail: true }, named(context)),
  (context) => asked('insert into notes (body) values ($1)', ['n'], { leaves: true, mayFail: true }, named(context)),
  (context) => asked('select * from nowhere', [], { leaves: true, mayFail: true }, named(context)),
  (context) => asked('select 12 / $1::int as n', [0], { leaves: true, mayFail: true }, named(context)),
  (context) => asked('', [], { leaves: true, mayFail: true }, named(context)),
]

function named({ random, unique }: Context): Extra {
  return { name: `s_${unique}_${random.integer(3)}` }
}

/** One statement of any kind, asked for in any form. */
export function statement(context: Context): Draft {
  const { random, reads } = context
  const kind = weighted<readonly Drafter[]>(random, [
    [reads ? 70 : 34, READS],
    [reads ? 4 : 24, WRITES],
    [14, FAILURES],
    [3, EMPTIES],
    [reads ? 2 : 16, SETTINGS],
    [9, NAMED],
  ])
  const drafted = random.pick(kind)(context)
  const failing: Draft = kind === FAILURES ? { ...drafted, mayFail: true } : drafted
  return failing.operation.kind === 'query' ? { ...failing, operation: formed(failing.operation, context) } : failing
}

function formed(operation: QueryOperation, { random }: Context): QueryOperation {
  return {
    ...operation,
    ...(random.chance(0.1) ? { rowMode: 'array' as const } : {}),
    ...(random.chance(0.06) ? { types: true as const } : {}),
    ...(random.chance(0.05) ? { extended: true as const } : {}),
    ...(random.chance(0.2) ? { form: random.pick(['callback', 'object'] as const) } : {}),
  }
}
