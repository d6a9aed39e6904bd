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
    const [inSession, handle] = [session(pool), app.callback()]
    return createServer((request, response) => inSession(request, response, () => handle(request, response)))
  },
  async start(pool) {
    const app = new Koa()
    app.use(async (context) => {
      if (context.method === 'POST') {
        await writeNote(pool, await json(context.req))
        context.body = {}
      } else {
        context.body = await readNote(pool, context.path.split('/').at(-1))
      }
    })
    return listening(koa.give(app, pool))
  },
}
