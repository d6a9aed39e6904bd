import fastify from 'fastify'
import { fastifySession } from 'pg-nearest/fastify'
import { readNote, writeNote } from './notes.js'

const program = {
  name: 'Fastify',
  package: 'fastify',
  door: 'pg-nearest/fastify',
  give: (app, pool) => app.register(fastifySession, { pool }),
  async start(pool) {
    const app = fastify()
    await program.give(app, pool)
    app.get('/notes/:id', async (request) => readNote(pool, request.params.id))
    app.post('/notes', async (request, reply) => {
      await writeNote(pool, request.body)
      return reply.code(201).send()
    })
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
}

export { program as fastify }
