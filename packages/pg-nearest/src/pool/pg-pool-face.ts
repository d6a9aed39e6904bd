import pg from 'pg'

/**
 * A class of its own with the prototype of `pg.Pool`, so that what extends it is one for `instanceof` and has all that others put there. Its
 * constructor takes over what pg's has made once: a session is made for each request, and pg's costs more than its first statement.
 */
export const PgPoolFace: new (face: pg.Pool) => pg.Pool = (() => {
  function Face(this: pg.Pool, { options }: pg.Pool): void {
    Object.assign(this, { options, ending: false, ended: false })
  }
  Face.prototype = pg.Pool.prototype as object
  return Face as unknown as new (face: pg.Pool) => pg.Pool
})()

/** One that opens nothing. */
export function newPgPool(options: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(options)
  // As pg hides a password: it may hold a key and its passphrase.
  Object.defineProperty(pool.options, 'ssl', { enumerable: false })
  return pool
}
