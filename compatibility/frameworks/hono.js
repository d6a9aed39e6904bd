import { Hono } from 'hono'
import { session } from 'pg-nearest/hono'
import { served } from './listening.js'
import { readNote, writeNote } from './notes.js'

export const hono = {
  name: 'Hono',
  package: 'hono',
  door: 'pg-nearest/hono',
  give: (app, pool) => app.use(session(pool)),
  async start(pool) {
    const app = new Hono()
    hono.give(app, pool)
    app.get('/notes/:id', async (c) => c.json(await readNote(pool, c.req.param('id'))))
    app.post('/notes', async (c) => {
      await writeNote(pool, await c.req.json())
      return c.body(null, 201)
    })
    return served(app.fetch)
  },
}
