import { withSession } from 'pg-nearest/http'
import { pool } from './pool.ts'

type Handler = (request: Request) => Promise<Response>

/** A route handler in the client's session: it sees what this client has written, in whichever region. */
export const route = (handler: Handler): Handler => {
  let inSession: Handler | undefined
  return (request) => (inSession ??= withSession(pool(), handler))(request)
}
