const build = { name: 'build', about: 'compile every package', run: ['tsc', '--build'] }

/**
 * Everything that `npm test` checks, in order: each step is a command; those with `vitest` count their own tests (of several
 * projects beside each other), those that are `built` read what `build` leaves, and neighbours of one `group` run beside each other.
 * Those that `yield` run beside one that `measures`: see `roundsOf`.
 */
const short = [
  build,
  {
    name: 'postgres',
    about: 'behaviour, on real servers, one file at a time: it measures',
    vitest: 'postgres',
    built: true,
    measures: true,
  },
  {
    name: 'format',
    about: 'prettier',
    run: ['prettier', '--check', '--log-level=warn', '.'],
    group: 'sources',
    yields: true,
  },
  {
    name: 'lint',
    about: 'oxlint, with types, and the one direction between rooms',
    run: ['oxlint', '--type-aware'],
    group: 'sources',
    yields: true,
  },
  {
    name: 'direction',
    about: 'the linter refuses what the one direction forbids',
    run: ['node', 'scripts/direction.mjs'],
    group: 'sources',
    yields: true,
  },
  {
    name: 'types',
    about: 'sources, tests and what the public types promise',
    run: ['tsc', '-p', 'tsconfig.test.json'],
    group: 'sources',
    yields: true,
  },
  { name: 'unit', about: 'pure decisions, as tables and properties', vitest: 'unit', yields: true },
  {
    name: 'packaging',
    about: 'what npm would publish',
    run: ['node', 'scripts/packaging.mjs'],
    built: true,
    group: 'package',
    yields: true,
  },
  {
    name: 'walk',
    about: 'a read passes through at most 15 files, those that ARCHITECTURE names',
    run: ['node', 'scripts/walk-of-a-read.mjs'],
    built: true,
    group: 'package',
    yields: true,
  },
  {
    name: 'examples',
    about: 'every example in README, docs and docstrings compiles',
    run: ['node', 'scripts/examples.mjs'],
    built: true,
    group: 'package',
    yields: true,
  },
  {
    name: 'picture',
    about: 'the pictures are as the script draws them',
    run: ['node', 'scripts/picture.mjs', '--check'],
    group: 'package',
    yields: true,
  },
  {
    name: 'unhurried',
    about: 'behaviour, where time does not matter: four files at once',
    vitest: 'unhurried',
    built: true,
  },
]

/** What `npm run test:long` checks: whatever shows something only after a while, or measures. */
const long = [
  build,
  {
    name: 'attacks',
    about: 'what attacks and others’ faults have found, each with its neighbours, on real servers: four files at once',
    vitest: 'attacks',
    built: true,
  },
  {
    name: 'long',
    about: 'histories, chaos, leaks, Patroni and the demo’s figures; beside them, what measures nothing',
    vitest: ['long', 'waiting'],
    built: true,
    measures: true,
  },
  {
    name: 'docs',
    about: 'the site builds without a warning, and every link in it leads somewhere',
    run: ['npm', 'run', '--silent', 'docs:build'],
    yields: true,
  },
  {
    name: 'site',
    about: 'thirty statements, and worse, in the box of what runs where, in Chromium',
    vitest: 'site',
    needs: 'browser',
    yields: true,
  },
  {
    name: 'libraries',
    about: 'what libraries and frameworks do on the pool is what the page about them says',
    run: ['node', 'compatibility/main.js'],
    built: true,
    needs: 'libraries',
    yields: true,
  },
  {
    name: 'walks',
    about:
      '100,000 statements with random outcomes, interleavings and limits: each ends as it may; 50,000 mangled answers: none gives a wrong row',
    run: ['vitest', 'run', '--project', 'unit', 'walk-random-outcomes', 'batch-exchange'],
    env: { PROPERTY_RUNS: '100000', LANE_STREAMS: '50000' },
    yields: true,
  },
  {
    name: 'rented',
    about: 'servers as people rent them',
    vitest: 'rented',
    built: true,
    yields: true,
  },
  {
    name: 'links',
    about: 'the links between a world’s regions take as long as they should, to a fraction of a millisecond',
    vitest: 'links',
    built: true,
  },
  {
    name: 'around',
    about: 'programs, pages, the world itself, the example app, and what others put on top',
    vitest: 'around',
    built: true,
  },
  {
    name: 'browser',
    about: 'the example app in Chromium',
    vitest: 'browser',
    built: true,
    needs: 'browser',
  },
  {
    name: 'majors',
    about:
      'reads, sessions, failover and every kind of statement, on the oldest PostgreSQL and on the last but one: npm test runs on the latest',
    majors: { versions: [15, 17], measuring: 'majors', unhurried: 'unhurried-majors' },
    built: true,
  },
  {
    name: 'page',
    about:
      'the page of a world says within two seconds what has happened, and nobody loses anything in a minute of chaos',
    vitest: 'page',
    needs: 'browser',
  },
  {
    name: 'clients',
    about: 'the tables of docs/speed.md: every way from Node to a database side by side, and no wrong row',
    run: ['npm', 'run', '--silent', 'bench', '-w', 'bench', '--', 'clients', '--time', '15'],
    built: true,
  },
  {
    name: 'soak',
    about: '20,000 operations of 64 sessions under faults: none reads anything stale',
    run: ['npm', 'run', '--silent', 'soak', '--', '--operations', '20000'],
    group: 'lasting',
  },
  {
    name: 'chaos',
    about: 'a minute of failovers and worse with a fresh seed: nothing is lost, or done twice',
    run: ['npm', 'run', '--silent', 'chaos', '--', '--minutes', '1'],
    group: 'lasting',
  },
  {
    name: 'leaks',
    about: 'a minute of a pool that is broken again and again: it holds no more in the end',
    run: ['npm', 'run', '--silent', 'leaks', '--', '--minutes', '1'],
    group: 'lasting',
  },
]

/** By the command that runs them. */
export const lanes = { 'npm test': short, 'npm run test:long': long }
