import { withSession } from 'pg-nearest/http'
import { createRequestHandler } from 'react-router'
import { served } from './listening.js'
import { readNote, writeNote } from './notes.js'

export const reactRouter = {
  name: 'React Router',
  package: 'react-router',
  door: 'pg-nearest/http',
  give: (build, pool) => withSession(pool, createRequestHandler(build)),
  start: (pool) => served(reactRouter.give(buildOf(pool), pool)),
}

/** What its compiler makes of two resource routes. */
function buildOf(pool) {
  const routes = {
    list: {
      path: 'notes',
      module: {
        action: async ({ request }) => {
          await writeNote(pool, await request.json())
          return new Response(null, { status: 201 })
        },
      },
    },
    note: {
      path: 'notes/:id',
      module: { loader: async ({ params }) => Response.json(await readNote(pool, params.id)) },
    },
  }
  for (const [id, route] of Object.entries(routes)) route.id = id
  return {
    routes,
    entry: { module: { default: () => new Response('', { status: 500 }) } },
    assets: { entry: { imports: [], module: '' }, routes: {}, url: '', version: '' },
    assetsBuildDirectory: '',
    publicPath: '/',
    basename: '/',
    future: {},
    ssr: true,
    isSpaMode: false,
    prerender: [],
    routeDiscovery: { mode: 'initial' },
  }
}
