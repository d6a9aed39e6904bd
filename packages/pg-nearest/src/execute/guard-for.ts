import type { Engine, Scope } from './engine.ts'
import { Guard } from './guard.ts'
import type { Request } from './request.ts'

/** What this statement must show and will have shown; `undefined` where nobody wants to know. */
export function guardFor(engine: Engine, scope: Scope, request: Request, reads: boolean): Guard | undefined {
  const own = scope.session ?? engine.currentSession()
  const session = own ?? engine.process
  if (session === undefined) return undefined
  const wanted = own?.consistency ?? engine.consistency
  const consistency = reads ? (request.consistency ?? wanted) : wanted
  // A write in a session of its own may be read in another process, which decides for itself.
  if (consistency === 'eventual' && (reads || own === undefined)) return undefined
  return new Guard(engine, session, consistency, reads)
}
