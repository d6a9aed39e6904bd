import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { csrf } from 'hono/csrf'
import { secureHeaders } from 'hono/secure-headers'
import type { NearestPool } from 'pg-nearest'
import { replay, session } from 'pg-nearest/hono'
import { createAccounts } from '../accounts/accounts.ts'
import type { BrowsingRegion } from './browsing.ts'
import type { Environment } from './environment.ts'
import { describeFailure, notFound } from './failure.ts'
import type { Failure } from './failure.ts'
import { focusScript } from './focus-script.ts'
import { layout } from './layout.tsx'
import { FailurePage } from './pages/failure-page.tsx'
import { createRequestLogs } from './request-log.ts'
import { reportWrites } from './report-writes.ts'
import { regionName, visits } from './served.ts'
import { stylesheet } from './stylesheet.ts'
import { userRoutes } from './user-routes.tsx'

export interface AppOptions {
  readonly pool: NearestPool
  /** Where this process runs; `undefined` in development. */
  readonly region: string | undefined
  /** The regions that people may browse from, behind an edge that lets them choose. Default: none. */
  readonly browseFrom?: readonly BrowsingRegion[] | undefined
  /** Where the world that it runs in can be seen, once there is such a page. */
  readonly worldPage?: (() => string | undefined) | undefined
}

/** The app of one region. Several may live in one process, each with the pool of its region. */
export const createApp = ({ pool, region, browseFrom = [], worldPage }: AppOptions): Hono<Environment> => {
  const app = new Hono<Environment>()

  app.get('/health', (c) => c.text('ok'))
  app.get(stylesheet.path, (c) =>
    c.body(stylesheet.text, 200, {
      'Content-Type': 'text/css; charset=utf-8',
      'Cache-Control': 'public, max-age=31536000, immutable',
    }),
  )

  const logs = createRequestLogs(pool, region)
  app.use(logs.keep, async (c, next) => {
    c.set('browsing', { regions: browseFrom, current: c.req.header('fly-region') })
    c.set('worldPage', worldPage?.())
    await next()
  })
  app.use(reportWrites)
  // A request that writes several times runs beside the primary, where Fly's proxy or the edge is there to send it again.
  app.use(replay(pool, { onDecision: logs.onDecision }))
  // Who has saved a user sees it in the list, whichever region answers.
  app.use(session(pool))
  app.use(layout, headers)
  app.use(csrf({ origin: sameHost }), bodyLimit({ maxSize: 64 * 1024 }))

  app.get('/', (c) => c.redirect('/users'))
  app.get('/where', async (c) => {
    await pool.replica().query('select 1')
    const [visit] = visits(c.var.log.queries)
    if (!visit) throw new Error('The pool did not say where the query ran.')
    return c.json({
      region: regionName(region),
      database: { region: visit.region, role: visit.role },
      ms: visit.ms,
    })
  })
  app.route('/users', userRoutes(createAccounts(pool)))

  app.notFound((c) => failurePage(c, notFound))
  app.onError((error, c) => {
    const failure = describeFailure(error)
    // The query builder's own message holds the values of the query; what caused it does not.
    if (failure.status >= 500) console.error(`${c.req.method} ${c.req.path} failed:`, error.cause ?? error)
    return failurePage(c, failure)
  })
  return app
}

const failurePage = (c: Context<Environment>, failure: Failure) => {
  c.status(failure.status)
  return c.render(<FailurePage failure={failure} />, { title: failure.title })
}

/** Not the whole origin: behind a proxy that ends TLS, the app sees http where the browser sees https. */
const sameHost = (origin: string, c: Context): boolean =>
  URL.canParse(origin) && new URL(origin).host === new URL(c.req.url).host

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: [focusScript.source],
    styleSrc: ["'self'"],
    imgSrc: ['data:'],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  // The default, no-referrer, makes browsers send `Origin: null` with forms, which no check could accept.
  referrerPolicy: 'same-origin',
})
