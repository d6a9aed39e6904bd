import pg from 'pg'

/**
 * A class of its own with the prototype of `pg.Pool`, so that what extends it is one for `instanceof` and has all that others put there. Its
 * constructor takes over what pg's has made once: a session is made for each request, and pg's costs more than its first statement.
 */
export const PgPoolPrototype: new (face: pg.Pool) => pg.Pool = (() => {
  function Face(this: pg.Pool, { options, Client }: FaceOfPg): void {
    Object.assign(this, { options, Client, ending: false, ended: false })
  }
  Face.prototype = pg.Pool.prototype as object
  return Face as unknown as new (face: pg.Pool) => pg.Pool
})()

/** With what pg's types leave out. */
type FaceOfPg = pg.Pool & { Client: typeof pg.Client }

/**
 * One that opens nothing.
 *
 * @param Client - libraries make clients of it with the pool's options, to cancel what runs.
 */
export function newPgPool(options: pg.PoolConfig, Client: typeof pg.Client): pg.Pool {
  const pool = new pg.Pool(options) as FaceOfPg
  pool.Client = Client
  // As pg hides a password: it may hold a key and its passphrase.
  Object.defineProperty(pool.options, 'ssl', { enumerable: false })
  return pool
}

/** Some libraries look at the name of a pool's class, and not at its prototypes. */
export function nameAsPgPool(pool: abstract new (...parts: never[]) => pg.Pool): void {
  Object.defineProperty(pool, 'name', { value: pg.Pool.name })
}
