/**
 * Sessions and replays for handlers of the fetch kind.
 *
 * @module pg-nearest/http
 */
export type { SessionPool } from '../http-session/http-session.ts'
export type { HttpSessionOptions } from '../http-session/options.ts'
export { sessionFor } from './session-from-headers.ts'
export type { RequestHeaders } from './session-from-headers.ts'
export { withReplay } from './with-replay.ts'
export { withServerTiming } from './with-server-timing.ts'
export type { ObservedPool } from './server-timing-middleware.ts'
export { withSession } from './with-session.ts'
export type { ReplayPool } from '../replay/replayer.ts'
export type { ReplayEvent, ReplayOptions, ReplayRequest } from '../replay/replay-options.ts'
export type { ReplayPolicy, ReplayReason } from '../replay/replay-decision.ts'
