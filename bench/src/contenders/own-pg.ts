import { createRequire } from 'node:module'
import type pg from 'pg'

const require = createRequire(import.meta.url)
const OF_PG = /[/\\]node_modules[/\\](?:pg|postgres)[\w-]*[/\\]/

/**
 * pg once more, with code of its own: V8 learns for each copy how it is called, and whoever shares a copy with another contender pays for
 * the other's ways.
 */
export function loadOwnPg(): typeof pg {
  const shared = takeFromCache()
  try {
    return require('pg') as typeof pg
  } finally {
    takeFromCache()
    Object.assign(require.cache, shared)
  }
}

function takeFromCache(): NodeJS.Dict<NodeJS.Module> {
  const taken = Object.fromEntries(Object.entries(require.cache).filter(([path]) => OF_PG.test(path)))
  for (const path of Object.keys(taken)) Reflect.deleteProperty(require.cache, path)
  return taken
}
