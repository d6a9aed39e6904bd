import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

export interface Asset {
  readonly type: string
  readonly body: Buffer
  readonly gzipped: Buffer
}

export type PageName = 'world' | 'dashboard'

const SCRIPT = 'text/javascript; charset=utf-8'
const STYLE = 'text/css; charset=utf-8'

const root = fileURLToPath(new URL('../..', import.meta.url))
const charts = dirname(createRequire(import.meta.url).resolve('uplot/dist/uPlot.iife.min.js'))

/** The modules that a browser asks for, by the page that it shows. All are compiled from `src`, none is bundled. */
const MODULES: Readonly<Record<PageName, readonly string[]>> = {
  world: [
    'browser/world',
    'browser/dom',
    'browser/connection',
    'browser/chart',
    'browser/map-view',
    'browser/links-layer',
    'browser/map-drag',
    'browser/inspector',
    'browser/region-cards',
    'browser/route-details',
    'browser/statements-view',
    'browser/timeline-view',
    'browser/time-of-day',
    'browser/counters-view',
    'browser/experiment-view',
    'browser/actions',
    'browser/selection',
    'map/arc',
    'map/project',
    'map/spread',
    'map/world-map',
    'state/world-state',
    'state/reduce-world',
    'state/format',
    'state/route-words',
    'state/drag-meaning',
  ],
  dashboard: [
    'browser/dashboard',
    'browser/dom',
    'browser/connection',
    'browser/chart',
    'browser/timeline-view',
    'browser/time-of-day',
    'state/dashboard-state',
    'state/reduce-dashboard',
    'state/format',
    'state/route-words',
  ],
}

/** Every file of a page, by its path below the page's address. `''` is its HTML, with `{{token}}` where that belongs. */
export async function loadAssets(page: PageName): Promise<ReadonlyMap<string, Asset>> {
  const files: readonly (readonly [path: string, file: string, type: string])[] = [
    ['', join(root, 'assets', `${page}.html`), 'text/html; charset=utf-8'],
    ['page.css', join(root, 'assets/page.css'), STYLE],
    [`${page}.css`, join(root, 'assets', `${page}.css`), STYLE],
    ['uplot.css', join(charts, 'uPlot.min.css'), STYLE],
    ['uplot.js', join(charts, 'uPlot.iife.min.js'), SCRIPT],
    ['icon.svg', join(root, 'assets/icon.svg'), 'image/svg+xml'],
    ...MODULES[page].map((module) => [`${module}.js`, join(root, 'dist', `${module}.js`), SCRIPT] as const),
  ]
  return new Map(await Promise.all(files.map(async ([path, file, type]) => [path, await asset(file, type)] as const)))
}

async function asset(file: string, type: string): Promise<Asset> {
  const text = await readFile(file)
  const body = type === SCRIPT ? Buffer.from(text.toString().replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')) : text
  return { type, body, gzipped: await promisify(gzip)(body) }
}
