import type { Context } from 'hono'
import { jsxRenderer } from 'hono/jsx-renderer'
import type { Environment } from './environment.ts'
import { regionName, servedLine } from './served.ts'
import { stylesheet } from './stylesheet.ts'

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
        <span class="region" title="The region of the process that answered">
          {regionName(c.var.region)}
        </span>
      </header>
      <main id="main">{children}</main>
      <footer class="bar" aria-label="Where this page came from">
        <p id="served">{servedLine(c.var.region, c.var.queries)}</p>
      </footer>
    </body>
  </html>
))
