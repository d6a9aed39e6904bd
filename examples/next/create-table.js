import pg from 'pg'

// Every copy of the app runs it at its start: the lock has them take turns.
const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
await client.connect()
await client.query(`
  begin;
  select pg_advisory_xact_lock(20261126);
  create table if not exists notes (
    id bigint generated always as identity primary key,
    text text not null,
    written_in text not null
  );
  commit`)
await client.end()
