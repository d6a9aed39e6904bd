import { authJs } from './auth-js.js'
import { betterAuth } from './better-auth.js'
import { connectPgSimple } from './connect-pg-simple.js'
import { drizzle } from './drizzle.js'
import { fastifyPostgres } from './fastify-postgres.js'
import { graphileWorker } from './graphile-worker.js'
import { knex } from './knex.js'
import { kysely } from './kysely.js'
import { mikroOrm } from './mikro-orm.js'
import { objection } from './objection.js'
import { pg } from './pg.js'
import { pgBoss } from './pg-boss.js'
import { pgCopyStreams } from './pg-copy-streams.js'
import { pgCursor } from './pg-cursor.js'
import { pgPromise } from './pg-promise.js'
import { pgQueryStream } from './pg-query-stream.js'
import { pgtyped } from './pgtyped.js'
import { postgraphile } from './postgraphile.js'
import { prisma } from './prisma.js'
import { rateLimiterFlexible } from './rate-limiter-flexible.js'
import { sequelize } from './sequelize.js'
import { slonik } from './slonik.js'
import { typeorm } from './typeorm.js'
import { zapatos } from './zapatos.js'

/** In the order of the table: what most people use comes first. */
export const libraries = [
  pg,
  drizzle,
  kysely,
  prisma,
  typeorm,
  sequelize,
  knex,
  objection,
  mikroOrm,
  pgPromise,
  pgtyped,
  zapatos,
  slonik,
  postgraphile,
  pgCursor,
  pgQueryStream,
  pgCopyStreams,
  fastifyPostgres,
  connectPgSimple,
  rateLimiterFlexible,
  authJs,
  betterAuth,
  pgBoss,
  graphileWorker,
]
