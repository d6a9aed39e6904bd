import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './scripts/longest-first.ts'

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Tests name the sources; what of them runs on servers reads what is built of them, see {@link built}. */
const alias = [
  { find: /^pg-nearest-world\/(chaos|page)$/, replacement: source('packages/pg-nearest-world/src/$1/index.ts') },
  { find: /^pg-nearest-page$/, replacement: source('packages/pg-nearest-page/src/index.ts') },
  { find: /^pg-nearest-world$/, replacement: source('packages/pg-nearest-world/src/index.ts') },
  { find: /^pg-nearest-world\/testing$/, replacement: source('packages/pg-nearest-world/src/testing/index.ts') },
  {
    find: /^pg-nearest\/(aurora|bookmark-table|dashboard|dns|drizzle|fly|kysely|next|opentelemetry|patroni|pg-module|redis)$/,
    replacement: source('packages/pg-nearest/src/$1/index.ts'),
  },
  { find: /^pg-nearest\/(express|fastify|hono)$/, replacement: source('packages/pg-nearest/src/http/$1.ts') },
  { find: /^pg-nearest$/, replacement: source('packages/pg-nearest/src/index.ts') },
]

const onServersOf = (names: readonly string[]): string[] =>
  names.flatMap((name) => [`packages/*/test/postgres/${name}.test.ts`, `examples/*/test/postgres/${name}.test.ts`])

const longOnes = (names: readonly string[]): string[] =>
  names.flatMap((name) => [`packages/*/test/long/${name}.test.ts`, `examples/*/test/long/${name}.test.ts`])

/** They show something only after a while, or measure: `npm run test:long`. */
const long = [
  ...onServersOf(['chaos', 'demo', 'history', 'leaks', 'patroni']),
  'packages/*/test/long/**/*.test.ts',
  'examples/*/test/long/**/*.test.ts',
]

/** They measure no time: they run beside the long ones. */
const waiting = longOnes(['bun', 'next', 'quiet', 'runners', 'team'])

/** A browser, a world and its chaos fill both cores for two minutes: by hand, where nothing else runs. */
const page = 'packages/*/test/long/world-page.test.ts'

/** What the library does, and only roughly how long it takes: several at a time. */
const unhurried = onServersOf([
  'abort-signals',
  'async-context',
  'batch',
  'borrowed-client',
  'channels',
  'commit-along',
  'connections',
  'contract',
  'copy-sessions',
  'cursors',
  'differential',
  'discovery',
  'http',
  'http-node',
  'lanes',
  'lanes-in-sessions',
  'lanes-of-clients',
  'login-sessions',
  'monitor',
  'named-statements',
  'near-client',
  'next-pool',
  'one-database',
  'orm',
  'pg-face',
  'pg-module',
  'pgbouncer',
  'poolers',
  'primary-comes-back',
  'quiet',
  'raised-codes',
  'read-only-handles',
  'reads',
  'recovery-conflicts',
  'refresh',
  'remembered-settings',
  'replicated',
  'secrets',
  'servers',
  'session-outages',
  'session-results',
  'sessions',
  'start-up',
  'streams',
  'survival',
  'time-limits',
  'transaction-status',
  'type-parsers',
  'wait-for-lsn',
])

/** What attacks, peers' own tests and other people's bug reports have found, each with its neighbours: several at a time. `npm run test:long`. */
const attacks = onServersOf([
  'aborted-commits',
  'async-listeners',
  'aurora',
  'balanced-names',
  'balanced-writers',
  'begin-within-limits',
  'broken-streams',
  'busy-writers',
  'callbacks-in-queries',
  'cancelled-lanes-of-lent-connections',
  'cancelled-together',
  'claims',
  'claims-in-shared-sessions',
  'clock-set-back',
  'commit-with-retries',
  'crashed-standby',
  'cut-moves',
  'cut-on-promoted',
  'cuts-within-transactions',
  'demoted-primary',
  'ending-listeners',
  'entries',
  'exit-on-idle',
  'given-up-at-once',
  'growing',
  'half-gone-primary',
  'hanging-hooks',
  'heard-promotions',
  'moved-before-promotion',
  'kept-connections',
  'lane-names',
  'lanes-attacked',
  'lanes-of-lent-connections',
  'lanes-of-one-database',
  'lanes-return',
  'last-reads',
  'left-open-streams',
  'left-read-only',
  'limited-submittables',
  'lost-begin',
  'lost-homes',
  'lost-module-clients',
  'lost-reads',
  'lost-submittables',
  'names-behind-a-migration',
  'near-cursors',
  'partly-committed',
  'pools-of-one-process',
  'prepared-writes',
  'promoted-under-lanes',
  'promoted-under-peers',
  'promoted-under-readers',
  'promoted-under-sessions',
  'promoted-while-connecting',
  'promotion-behind-a-name',
  'queries-of-listeners',
  'queries-without-names',
  'queries-without-pages',
  'read-only-begin',
  'reading-cursors',
  'reads-in-a-shared-transaction',
  'refresh-and-close',
  'refused-begin',
  'refused-connections',
  'refused-probes',
  'released-while-waiting',
  'replaced-while-writing',
  'replay-at-first-write',
  'resets',
  'revoked-rights',
  'schema-lag',
  'silent-leavers',
  'slow-logins',
  'spare-connections',
  'stalled-replicas',
  'switched-poolers',
  'switched-poolers-ahead',
  'switched-poolers-in-commits',
  'throwing-configs',
  'throwing-errors',
  'throwing-listeners',
  'throwing-submittables',
  'torture',
  'traced-lanes',
  'transaction-cuts',
  'transaction-limits',
  'transaction-over',
  'transaction-programs',
  'two-phase',
  'unknown-outcome',
  'unreadable-commits',
  'unsendable-configs',
  'unsent-in-transactions',
  'unsent-on-replicas',
  'untold-roles',
  'values-too-long',
  'withheld-writes',
  'write-bursts',
  'writes-on-replaced-primaries',
  'wrong-ports',
  'wrong-servers',
])

/**
 * What is around the library, and not what an app imports: programs, pages, the world that tests run in, the examples, and what others put on top;
 * and what is packed, installed, or mangled many times. `npm run test:long`.
 */
const around = [
  ...longOnes([
    'commonjs',
    'contract-of-several',
    'dockerfile',
    'mangled-answers',
    'mangled-bookmarks',
    'rotating-passwords',
  ]),
  ...onServersOf([
    'accounts',
    'article',
    'bookmark-stores',
    'cli',
    'copies',
    'dashboard',
    'doctor',
    'frameworks',
    'page-server',
    'telemetry',
    'tracers',
    'world-app',
    'world-boot',
    'world-dns',
    'world-edge',
    'world-end',
    'world-failover',
    'world-fixture',
    'world-page',
    'world-page-outside',
    'world-ports',
    'world-version',
  ]),
]

/** They hold the world's links to a fraction of a millisecond: `npm run test:long`, where nothing else runs. */
const links = onServersOf(['wan-busy', 'wan-network', 'world-links'])

/** Servers as people rent them, each kind a world of its own: `npm run test:long`. */
const rented = onServersOf(['foreign-servers', 'restricted-servers', 'shared-machines'])

/** They run on every major of PostgreSQL: `PG_NEAREST_WORLD_VERSION` says on which. This one measures time, too. */
const majors = onServersOf(['failover'])
const unhurriedMajors = onServersOf([
  'borrowed-client',
  'raised-codes',
  'read-only-handles',
  'reading-cursors',
  'reads',
  'reads-in-a-shared-transaction',
  'recovery-conflicts',
  'restricted-servers',
  'sessions',
  'torture',
  'transaction-status',
])

/**
 * Takes what is built of a package's sources, which Node loads many times faster than Vite hands them to each process: for a hundred files
 * that took two minutes of both cores. It is built ahead, so that no stale build can pass.
 */
const built: Plugin = {
  name: 'built-sources',
  enforce: 'pre',
  async resolveId(id, importer, options) {
    const resolved = await this.resolve(id, importer, { ...options, skipSelf: true })
    const at = /^(.*\/packages\/[^/]+)\/src\/(.*)\.ts$/.exec(resolved?.id ?? '')
    return at === null ? resolved : `${at[1]}/dist/${at[2]}.js`
  },
}

/** Worlds mostly wait; where two cores are slow, more of them only wait for each other. */
const WORKERS = 4

const onServers = {
  globalSetup: ['scripts/build-ahead.mjs'],
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  setupFiles: ['packages/pg-nearest/test/secrets/setup.ts', 'packages/pg-nearest/test/pending/setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

export default defineConfig({
  resolve: { alias },
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'packages/*/test/unit/**/*.test.ts',
            'examples/*/test/unit/**/*.test.ts',
            'docs/test/unit/**/*.test.ts',
          ],
          // What is pure leaves nothing behind, and a process for each file would take longer than its tests.
          isolate: false,
          maxWorkers: 2,
          // Not five seconds: a property's many runs take longer where others have both cores.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        plugins: [built],
        test: {
          name: 'postgres',
          include: ['packages/*/test/postgres/**/*.test.ts', 'examples/*/test/postgres/**/*.test.ts'],
          exclude: [...unhurried, ...attacks, ...around, ...rented, ...links, ...long],
          ...onServers,
          // Worlds are real servers and links with real delays: one file at a time keeps their timing honest.
          fileParallelism: false,
        },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'unhurried', include: unhurried, ...onServers, maxWorkers: WORKERS },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'attacks', include: attacks, ...onServers, maxWorkers: WORKERS },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'around', include: around, ...onServers, maxWorkers: WORKERS },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'rented', include: rented, ...onServers },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'links', include: links, ...onServers, fileParallelism: false },
      },
      {
        extends: true,
        plugins: [built],
        test: {
          name: 'long',
          include: long,
          exclude: [...waiting, ...around, page],
          ...onServers,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'waiting', include: waiting, ...onServers },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'page', include: [page], ...onServers },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'majors', include: majors, ...onServers, fileParallelism: false },
      },
      {
        extends: true,
        plugins: [built],
        test: { name: 'unhurried-majors', include: unhurriedMajors, ...onServers, maxWorkers: WORKERS },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['packages/*/test/browser/**/*.test.ts', 'examples/*/test/browser/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: { name: 'site', include: ['docs/test/browser/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000 },
      },
    ],
  },
})
