import { readFile } from 'node:fs/promises'

/** An entry of VitePress's sidebar. */
interface Item {
  readonly text?: string
  readonly link?: string
  readonly items?: Item[]
}

const guide = (page: string, text: string): Item => ({ text, link: `/guide/${page}` })

/** The order in which somebody new would want to read. */
export const sidebar: Item[] = [
  {
    text: 'Begin',
    items: [
      guide('sixty-seconds', 'Sixty seconds to a replica'),
      guide('what-runs-where', 'What runs where'),
      guide('speed', 'Speed'),
      guide('did-it-work', 'Did it work?'),
      guide('sessions', 'Your own writes, always'),
      guide('shared-sessions', 'Shared sessions'),
      guide('moving', 'Moving to pg-nearest'),
    ],
  },
  {
    text: 'Your stack',
    items: [
      guide('libraries', 'Libraries and frameworks'),
      guide('drizzle', 'Drizzle'),
      guide('kysely', 'Kysely'),
      guide('pg-module', 'Knex, Sequelize, TypeORM …'),
      guide('prisma', 'Prisma'),
      guide('express', 'Express'),
      guide('fastify', 'Fastify'),
      guide('hono', 'Hono'),
      guide('next', 'Next.js'),
      guide('fetch', 'Fetch handlers'),
      guide('frameworks', 'Koa, NestJS, tRPC …'),
      guide('jobs', 'Jobs'),
      guide('testing', 'Testing with a late replica'),
    ],
  },
  {
    text: 'Your database',
    items: [
      guide('fly', 'On Fly.io'),
      guide('providers', 'Managed PostgreSQL'),
      guide('poolers', 'Poolers and failover'),
      guide('versions', 'Which PostgreSQL'),
    ],
  },
  {
    text: 'In production',
    items: [
      guide('outages', 'When things break'),
      guide('replay', 'Requests beside the primary'),
      guide('modes', 'Modes'),
      guide('dashboard', 'The dashboard'),
      guide('telemetry', 'Telemetry'),
      guide('commands', 'On the command line'),
      guide('doctor', 'What the doctor looks at'),
    ],
  },
  {
    text: 'Look it up',
    items: [
      guide('options', 'Servers, options, regions'),
      guide('reasons', 'Reasons and events'),
      guide('errors', 'Errors'),
      guide('limitations', 'Limitations'),
      guide('differences', 'Differences from pg.Pool'),
      { text: 'The laws, and their tests', link: '/SPEC' },
      { text: 'A world on your laptop', link: '/world' },
      { text: 'Reference', link: '/reference/' },
    ],
  },
]

/** As TypeDoc has written it. */
export async function reference(): Promise<Item[]> {
  const text = await readFile(new URL('../reference/typedoc-sidebar.json', import.meta.url), 'utf8')
  return JSON.parse(text)
}
