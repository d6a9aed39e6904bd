import { createServer } from 'node:http'
import express from 'express'
import { session } from 'pg-nearest/express'
import { listening } from './listening.js'
import { readNote, writeNote } from './notes.js'

const program = {
  name: 'Express',
  package: 'express',
  door: 'pg-nearest/express',
  give: (app, pool) => app.use(session(pool)),
  async start(pool) {
    const app = express()
    program.give(app, pool)
    app.use(express.json())
    app.get('/notes/:id', async (request, response) => void response.json(await readNote(pool, request.params.id)))
    app.post('/notes', async (request, response) => {
      await writeNote(pool, request.body)
      response.status(201).end()
    })
    return listening(createServer(app))
  },
}

export { program as express }
