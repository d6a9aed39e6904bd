import { createServer, type Server } from 'node:http'
import connectPgSimple from 'connect-pg-simple'
import express from 'express'
import expressSession from 'express-session'
import { session } from '../../src/http/express.ts'
import type { NearestPool } from '../../src/index.ts'

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}

/** The same app in each region: express-session, with its sessions in PostgreSQL, behind ours. */
export function loginApp(pool: NearestPool, createTableIfMissing: boolean): Server {
  const Store = connectPgSimple(expressSession)
  const app = express()
  app.use(session(pool))
  app.use(
    expressSession({
      store: new Store({ pool, createTableIfMissing, pruneSessionInterval: false }),
      secret: 'of the app',
      resave: false,
      saveUninitialized: false,
    }),
  )
  app.post('/login/:name', (request, response) => {
    request.session.user = request.params.name
    response.redirect(303, '/')
  })
  app.get('/', (request, response) => void response.send(request.session.user ?? 'nobody'))
  return createServer(app)
}

/** Logs in at one address, follows to the other as a browser would, and tells whom that one knows. */
export async function logIn(user: string, url: string, next: string): Promise<string> {
  const { headers } = await fetch(`${url}/login/${user}`, { method: 'POST', redirect: 'manual' })
  const cookie = headers
    .getSetCookie()
    .map((each) => each.split(';', 1)[0])
    .join('; ')
  return (await fetch(next, { headers: { cookie } })).text()
}
