/**
 * `pg` for libraries that take the module, and no pool: its `Pool` and its `Client` are those of a pool of pg-nearest.
 *
 * @module pg-nearest/pg-module
 */
export { pgModule } from './look-alike-module.ts'
export type { ModulePool } from './unendable-pool.ts'
