import { pgModule } from 'pg-nearest/pg-module'

export { DatabaseError } from 'pg'

let module

/** An app has one pool, and exports what is in `pgModule(pool)`. */
export function givePool(pool) {
  module = pgModule(pool)
}

// Called with `new`: so what it returns is what has been made.
export function Client(config) {
  return new module.Client(config)
}
