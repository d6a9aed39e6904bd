import { createServer, type Server } from 'node:http'
import connectPgSimple from 'connect-pg-simple'
import express from 'express'
import expressSession from 'express-session'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { session } from '../../src/http/express.ts'
import { createPool, type NearestPool } from '../../src/index.ts'
import { caughtUp } from './fixtures.ts'
import { listening } from './http-doors.ts'

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}

const LOG_INS = 100

let world: World
const pools: NearestPool[] = []
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
})
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.destroy()))
  await world.stop()
})

/** The same app in one region: express-session, with its sessions in PostgreSQL, behind ours. */
function appIn(region: string, createTableIfMissing: boolean): Server {
  const pool = createPool(world.poolOptions(region))
  pools.push(pool)
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

test('each log-in holds in the other region, though replicas are late', async () => {
  const here = await listening(appIn('ord', true))
  const there = await listening(appIn('syd', false))
  // The table is made by the first one that is saved.
  await fetch(`${here.url}/login/first`, { method: 'POST', redirect: 'manual' })
  await caughtUp(world, ...pools)
  await Promise.all([world.pauseReplay('ord'), world.pauseReplay('syd')])
  const seen = await Promise.all(
    Array.from({ length: LOG_INS }, async (_, n) => {
      const { headers } = await fetch(`${here.url}/login/user-${n}`, { method: 'POST', redirect: 'manual' })
      const cookie = headers
        .getSetCookie()
        .map((each) => each.split(';', 1)[0])
        .join('; ')
      return (await fetch(there.url, { headers: { cookie } })).text()
    }),
  )
  expect(seen).toEqual(Array.from({ length: LOG_INS }, (_, n) => `user-${n}`))
  await Promise.all([here.close(), there.close()])
})
