/** A migration, and a read that needs it. */
export interface Kind {
  readonly name: string
  /** What the replica says. */
  readonly code: string
  readonly migration: string
  readonly text: string
  readonly values?: readonly string[]
  /** For what a superuser has to do, because an ordinary role may not. */
  readonly undo?: string
}

export const ENUM: Kind = {
  name: 'a value of an enum',
  code: '22P02',
  migration: `alter type status add value 'done'`,
  text: `select 'done'::status`,
}
export const TABLE: Kind = {
  name: 'a table',
  code: '42P01',
  migration: 'create table later (n int)',
  text: 'select * from later',
}

/** What a migration makes possible, and a replica that has not replayed it lacks. */
export const KINDS: readonly Kind[] = [
  ENUM,
  {
    name: 'a value of an enum, as a parameter',
    code: '22P02',
    migration: `alter type status add value 'gone'`,
    text: 'select $1::status',
    values: ['gone'],
  },
  TABLE,
  {
    name: 'a right',
    code: '42501',
    migration: 'grant select on vault.secrets to app',
    text: 'select * from vault.secrets',
    undo: 'revoke select on vault.secrets from app',
  },
  { name: 'a column', code: '42703', migration: 'alter table items add price int', text: 'select price from items' },
  {
    name: 'a function',
    code: '42883',
    migration: `create function answer() returns int language sql as 'select 1'`,
    text: 'select answer()',
  },
  {
    name: 'a cast',
    code: '42846',
    migration: 'create cast (int as status) with inout',
    text: 'select id::status from items where false',
  },
  { name: 'a type', code: '42704', migration: 'create type pair as (n int)', text: 'select null::pair' },
  {
    name: 'a collation',
    code: '42704',
    migration: `create collation plain from "C"`,
    text: `select note from items order by note collate plain`,
  },
  {
    name: 'a role',
    code: '42704',
    migration: 'create role newcomer',
    text: `select pg_has_role('newcomer', 'member')`,
    undo: 'drop role newcomer',
  },
  {
    name: 'a schema',
    code: '3F000',
    migration: `create schema later; create function later.f() returns int language sql as 'select 1'`,
    text: 'select later.f()',
  },
]

/** The error could as well be the caller's own mistake. */
export const MISFITS: readonly Kind[] = [
  {
    name: 'a column of another type',
    code: '22P02',
    migration: 'alter table items alter code type text',
    text: 'select * from items where code = $1',
    values: ['abc'],
  },
  {
    name: 'a column of a larger type',
    code: '22003',
    migration: 'alter table items alter size type bigint',
    text: 'select * from items where size = $1',
    values: ['3000000000'],
  },
  {
    name: 'a column that is a condition',
    code: '42804',
    migration: 'alter table items alter flag type boolean using true',
    text: 'select * from items where flag',
  },
  {
    name: 'a column less',
    code: '42702',
    migration: 'alter table labels drop old_note',
    text: 'select old_note from items join labels on item = id',
  },
  {
    name: 'a primary key',
    code: '42803',
    migration: 'alter table items add primary key (id)',
    text: 'select id, note from items group by id',
  },
  {
    name: 'a domain that allows more',
    code: '23514',
    migration: 'alter domain small drop constraint small_check',
    text: 'select $1::small',
    values: ['12'],
  },
]
