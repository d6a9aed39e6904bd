import type { Request } from '../route/request.ts'
import { asCalled } from '../tracers/caller-context.ts'
import type { Engine } from './engine-interface.ts'

/** A request with what the caller's async context adds to it. To be called in that context. */
export function captureAsyncContext(engine: Engine, request: Request): Request {
  const config = asCalled(request.config)
  const consistency = request.consistency ?? engine.currentConsistency()
  const isPlain = config === request.config && consistency === request.consistency
  return isPlain ? request : { ...request, config, consistency }
}
