import type { Context } from 'hono'
import { jsxRenderer } from 'hono/jsx-renderer'
import type { Environment } from './environment.ts'
import { RegionPicker } from './region-picker.tsx'
import { regionName, servedLine } from './served.ts'
import { stylesheet } from './stylesheet.ts'
import { WriteReportNote } from './write-report-note.tsx'

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23315fc4'/%3E%3Ccircle cx='8' cy='8' r='2.5' fill='white'/%3E%3C/svg%3E"

/** The frame around every page. Its last line says who served it, so it is rendered after the page's own queries. */
export const layout = jsxRenderer(({ children, title }, c: Context<Environment>) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{`${title} · Accounts`}</title>
      <link rel="icon" href={icon} />
      <link rel="stylesheet" href={stylesheet.href} />
    </head>
    <body>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href="/users">
          Accounts
        </a>
        {c.var.browsing.regions.length === 0 && (
          <span class="region" title="The region of the process that answered">
            {regionName(c.var.region)}
          </span>
        )}
        {c.var.worldPage !== undefined && <a href={c.var.worldPage}>See this world, and break it</a>}
      </header>
      {c.var.browsing.regions.length > 0 && <RegionPicker browsing={c.var.browsing} url={c.req.url} />}
      <main id="main">
        {c.var.report && <WriteReportNote report={c.var.report} browsing={c.var.browsing} now={Date.now()} />}
        {children}
      </main>
      <footer class="bar" aria-label="Where this page came from">
        <p id="served">{servedLine(c.var.region, c.var.log.queries)}</p>
      </footer>
    </body>
  </html>
))
