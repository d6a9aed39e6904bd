/** What nobody waits for: a library is to cancel it. */
export const SLOW = {
  read: 'select pg_sleep(20)',
  write: 'insert into notes (id, text) select 0, pg_sleep(20)::text',
}
