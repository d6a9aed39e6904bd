import type { PageServer } from 'pg-nearest-page'
import type { NearestPool } from '../pool/nearest-pool.ts'
import { importPagePackage } from './import-page-package.ts'
import { createDashboardStore } from './dashboard-store.ts'

const PORT = 4180

export interface ServedOn {
  readonly port: number | undefined
  /** `undefined`: this machine alone. */
  readonly host: string | undefined
}

/** Serves a pool's dashboard; on its usual port, or any other where that is taken. */
export async function servePool(
  pool: NearestPool,
  { port, host }: ServedOn,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const page = await importPagePackage()
  let publish: PageServer['publish'] | undefined
  const shown = createDashboardStore(page, pool, (event) => publish?.(event))
  const server = await page.startPageServer({ ...shown.options, host, port: port ?? PORT }).catch((error: unknown) => {
    if (port !== undefined) throw error
    return page.startPageServer({ ...shown.options, host })
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
