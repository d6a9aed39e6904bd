import type { QueryEvent } from 'pg-nearest'

/** What each request carries through Hono's context. */
export interface Environment {
  Variables: {
    /** Where this process runs; `undefined` in development. */
    region: string | undefined
    /** The statements that ran for this request, so far. */
    queries: readonly QueryEvent[]
  }
}

declare module 'hono' {
  interface ContextRenderer {
    // The name and the shape are Hono's: it takes the type of `c.render` from here.
    (content: string | Promise<string>, props: { title: string }): Response | Promise<Response>
  }
}
