import type { PageServer } from 'pg-nearest-page'
import type { NearestPool } from '../pool/nearest-pool.ts'
import { loadPage } from './load-page.ts'
import { createPoolPage } from './pool-page.ts'

const PORT = 4180

/** Serves a pool's dashboard to this machine alone; on its usual port, or any other where that is taken. */
export async function servePool(
  pool: NearestPool,
  port: number | undefined,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const page = await loadPage()
  let publish: PageServer['publish'] | undefined
  const shown = createPoolPage(page, pool, (event) => publish?.(event))
  const server = await page.startPageServer({ ...shown.options, port: port ?? PORT }).catch((error: unknown) => {
    if (port !== undefined) throw error
    return page.startPageServer(shown.options)
  })
  ;({ publish } = server)
  return {
    url: server.url,
    async close() {
      shown.close()
      await server.close()
    },
  }
}
