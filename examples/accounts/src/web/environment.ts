import type { BrowsingFrom } from './browsing.ts'
import type { RequestLog } from './request-log.ts'
import type { WriteReport } from './write-report.ts'

/** What each request carries through Hono's context. */
export interface Environment {
  Variables: {
    /** Where this process runs; `undefined` in development. */
    region: string | undefined
    log: RequestLog
    /** Where a person may browse from, where there is a choice. */
    browsing: BrowsingFrom
    /** Where the world that the app runs in can be seen. */
    worldPage: string | undefined
    /** What this person's last change has cost, on the page that follows it. */
    report: WriteReport | undefined
  }
}

declare module 'hono' {
  interface ContextRenderer {
    // The name and the shape are Hono's: it takes the type of `c.render` from here.
    (content: string | Promise<string>, props: { title: string }): Response | Promise<Response>
  }
}
