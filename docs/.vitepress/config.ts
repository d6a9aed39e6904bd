import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { writeLlms } from './llms.ts'
import { reference, sidebar } from './sidebar.ts'

/** Guides are packed with npm, so they stand in the package; the site shows them from there. */
const rewrites = {
  'docs/:page*': ':page*',
  'packages/pg-nearest/docs/:page': 'guide/:page',
  'packages/pg-nearest/SPEC.md': 'SPEC.md',
  'packages/pg-nearest-world/README.md': 'world.md',
}

const { version } = JSON.parse(
  await readFile(new URL('../../packages/pg-nearest/package.json', import.meta.url), 'utf8'),
)

const slugify = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')

export default defineConfig({
  title: 'pg-nearest',
  description: 'PostgreSQL in several regions, from Node: a pool that knows where it is.',
  lang: 'en',
  srcDir: '..',
  srcExclude: [
    '*.md',
    '.changeset/**',
    'bench/**',
    'compatibility/**',
    'examples/**',
    'packages/pg-nearest-page/**',
    'packages/pg-nearest/README.md',
    'packages/pg-nearest-world/CREATING_FAULTS.md',
  ],
  outDir: './dist',
  cacheDir: './.vitepress/cache',
  rewrites,
  cleanUrls: true,
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: '/icon.svg' }]],
  markdown: {
    // As GitHub and npm make them, so that one link serves all three.
    anchor: { slugify },
    config: (md) => {
      const normalize = md.normalizeLink.bind(md)
      md.normalizeLink = (url) => normalize(url.replace(/^(?:\.\.\/)+pg-nearest-world\/README\.md/, '/world.md'))
    },
  },
  vite: {
    publicDir: fileURLToPath(new URL('../public', import.meta.url)),
    // The index of the search.
    build: { chunkSizeWarningLimit: 4_000 },
    plugins: [
      {
        name: 'vue-from-here',
        enforce: 'pre',
        // Pages outside of this folder have no node_modules above them that hold it.
        resolveId: (source, _importer, { ssr }) =>
          ssr === true && /^vue(?:\/|$)/.test(source) ? { id: source, external: true } : undefined,
      },
      {
        name: 'statement-box',
        enforce: 'pre',
        transform: (code, id) =>
          id.endsWith('/what-runs-where.md') ? code.replace(/<!-- box.*?-->/, '<StatementBox />') : undefined,
      },
    ],
  },
  themeConfig: {
    siteTitle: 'pg-nearest',
    logo: '/icon.svg',
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guide', link: '/guide/sixty-seconds', activeMatch: '^/guide/(?!what-runs-where)' },
      { text: 'What runs where', link: '/guide/what-runs-where' },
      { text: 'Reference', link: '/reference/', activeMatch: '^/reference/' },
      {
        text: version,
        items: [
          { text: 'The laws, and their tests', link: '/SPEC' },
          { text: 'A world on your laptop', link: '/world' },
        ],
      },
    ],
    sidebar: { '/reference/': await reference(), '/': sidebar },
  },
  buildEnd: writeLlms,
})
