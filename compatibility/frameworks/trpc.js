import { initTRPC } from '@trpc/server'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { withSession } from 'pg-nearest/http'
import { served } from './listening.js'
import { readNote, writeNote } from './notes.js'

export const trpc = {
  name: 'tRPC',
  package: '@trpc/server',
  door: 'pg-nearest/http',
  give: (router, pool) => withSession(pool, (req) => fetchRequestHandler({ endpoint: '/trpc', req, router })),
  start: (pool) => served(trpc.give(routerOf(pool), pool)),
  read: async (client, url, id) => {
    const { result } = await client.get(`${url}/trpc/read?input=${encodeURIComponent(JSON.stringify(id))}`)
    return result.data
  },
  write: (client, url, note) => client.post(`${url}/trpc/write`, note),
}

function routerOf(pool) {
  const t = initTRPC.create()
  return t.router({
    read: t.procedure.input(Number).query(({ input }) => readNote(pool, input)),
    write: t.procedure.input((note) => note).mutation(({ input }) => writeNote(pool, input)),
  })
}
