import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import Koa from 'koa'
import { session } from 'pg-nearest/express'
import { listening } from './listening.js'
import { readNote, writeNote } from './notes.js'

export const koa = {
  name: 'Koa',
  package: 'koa',
  door: 'pg-nearest/express',
  give: (app, pool) => {
    const inSession = session(pool)
    app.use(
      (context, next) =>
        new Promise((resolve, reject) => {
          context.res.once('close', resolve)
          inSession(context.req, context.res, () => void next().then(resolve, reject))
        }),
    )
  },
  async start(pool) {
    const app = new Koa()
    koa.give(app, pool)
    app.use(async (context) => {
      if (context.method === 'POST') {
        await writeNote(pool, await json(context.req))
        context.body = {}
      } else {
        context.body = await readNote(pool, context.path.split('/').at(-1))
      }
    })
    return listening(createServer(app.callback()))
  },
}
