import type { IncomingMessage, ServerResponse } from 'node:http'
import type { PageHandler } from 'pg-nearest-page'
import type { NearestPool } from '../pool/nearest-pool.ts'
import { importPagePackage } from './import-page-package.ts'
import { createDashboardStore } from './dashboard-store.ts'

/** A page that shows a pool, for a server of one's own. */
export interface Dashboard {
  /**
   * Answers a request for it, in `node:http`, Express and whatever else has these two; `request.url` begins behind the place where it is
   * mounted, as Express has it.
   */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Ends it for those who look, and stops listening to the pool. */
  close(): void
}

/**
 * A dashboard of this pool: its servers, routes and latencies as they are, its problems and promotions since then. It only shows: there is no
 * request that changes anything. It has no log-in of its own: **mount it behind yours**. No SQL, no value and no password is on it.
 *
 * While nobody looks it collects nothing per statement; it keeps the last 100 problems and promotions. Sixteen may look at the same time. Its
 * assets are in the package `pg-nearest-page`, which must be installed.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createPool } from 'pg-nearest'
 * import { dashboard } from 'pg-nearest/dashboard'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * const { handle } = await dashboard(pool)
 * createServer(handle).listen(8081, '127.0.0.1')
 * ```
 *
 * @throws NearestError with code `NEAREST_BAD_OPTION` if `pg-nearest-page` is not installed.
 */
export async function dashboard(pool: NearestPool): Promise<Dashboard> {
  const page = await importPagePackage()
  let publish: PageHandler['publish'] | undefined
  const shown = createDashboardStore(page, pool, (event) => publish?.(event))
  const handler = await page.createPageHandler(shown.options)
  ;({ publish } = handler)
  return {
    handle: (request, response) => handler.handle(request, response, page.pathOf(request.url)),
    close() {
      shown.close()
      handler.close()
    },
  }
}
