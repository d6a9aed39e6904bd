import { H3, readBody } from 'h3'
import { withSession } from 'pg-nearest/http'
import { served } from './listening.js'
import { readNote, writeNote } from './notes.js'

export const h3 = {
  name: 'h3',
  package: 'h3',
  door: 'pg-nearest/http',
  give: (app, pool) => withSession(pool, (request) => app.fetch(request)),
  start(pool) {
    const app = new H3()
    app.get('/notes/:id', (event) => readNote(pool, event.context.params.id))
    app.post('/notes', async (event) => {
      await writeNote(pool, await readBody(event))
      return { written: true }
    })
    return served(h3.give(app, pool))
  },
}
