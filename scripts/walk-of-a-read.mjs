import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * Runs one plain read on a warm pool and prints the files that it passes through: those on the call stack when it is written to
 * the socket, each with the files that it asks on the way there and back. The answer takes the same way back. It shares its connection
 * with nobody: one in a lane is written by whoever sends them all. A write's way is shown too, and a read in a lane and a transaction are
 * checked to enter the files that ARCHITECTURE.md names.
 *
 * Fails if the read's way has more than 15 files, or one of them twice, or if ARCHITECTURE.md shows other ways. Needs the build.
 */
const MOST = 15
const ACCESSOR = /^[gs]et /
const HEAD =
  /^(?:export )?(?:async )?function (?<name>\w+)\(.*\) \{$|^ +(?:static |async )*(?<method>(?:get |set )?#?(?!(?:if|for|while|switch|catch)\b)\w+)\(.*\) \{$/gm
/** How the ways begin that ARCHITECTURE.md shows in a line. */
const LINES = {
  'a read in a lane': /^`execute\/pool-query-execution` → `lane-rides.*$/m,
  'a transaction': /^`routed-pool\/routed-pool` → `transaction\/transaction`.*$/m,
}

const root = fileURLToPath(new URL('..', import.meta.url))
Error.stackTraceLimit = 200
// In node_modules, where `pg` is found and nothing is checked in.
const traced = await mkdtemp(join(root, 'node_modules/.walk-of-a-read-'))
const { startWorld } = await load(join(root, 'packages/pg-nearest-world/dist/index.js'))
const world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
try {
  await makeTracedCopy(join(root, 'packages/pg-nearest/dist'))
  const { createPool } = await load(join(traced, 'index.js'))
  const { read, write, others } = await walks(createPool)
  const rows = read.way.map((file, i) => `| ${i + 1} | \`${file}\` | ${read.asked.get(file).map(quoted).join(', ')} |`)
  const wayOfWrite = write.way.map(quoted).join(' → ')
  console.log([...rows, '', wayOfWrite].join('\n'))
  const all = new Set([...read.way, ...[...read.asked.values()].flat()])
  console.log(`\nA read: ${read.way.length} files on the way, ${all.size} with those that they ask`)
  check(read.way, rows, wayOfWrite, others, await readFile(join(root, 'ARCHITECTURE.md'), 'utf8'))
} finally {
  await rm(traced, { recursive: true, force: true })
  await world.stop()
}

function check(way, rows, write, others, architecture) {
  const shown = [...architecture.matchAll(/^\| +(\d+) +\| +`([^`]+)` +\| .*? \| *((?:`[^`]+`(?:, )?)*) *\|$/gm)]
  const expected = shown.map(([, at, file, asks]) => `| ${at} | \`${file}\` | ${asks.trim()} |`)
  const problems = [
    ...Object.entries(LINES).flatMap(([name, line]) => strayFiles(name, line.exec(architecture)?.[0], others[name])),
    ...(way.length > MOST ? [`more than ${MOST} files`] : []),
    ...(new Set(way).size < way.length ? ['a file is passed twice'] : []),
    ...missingIn(expected, rows).map((row) => `not in ARCHITECTURE.md: ${row}`),
    ...(architecture.includes(write) ? [] : [`not in ARCHITECTURE.md: ${write}`]),
    ...missingIn(rows, expected).map((row) => `only in ARCHITECTURE.md: ${row}`),
  ]
  for (const problem of problems) console.error(`  ${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

/** Rows that are not among others. In which order a file asks is not told by the code alone. */
function missingIn(others, rows) {
  const files = (row) =>
    row
      .match(/`[^`]+`/g)
      .toSorted()
      .join()
  const known = new Set(others.map(files))
  return rows.filter((row) => !known.has(files(row)))
}

function strayFiles(name, line, { entered }) {
  if (line === undefined) return [`not in ARCHITECTURE.md: ${name}`]
  const files = [...line.matchAll(/`([^`]+)`/g)].map(([, file]) => file)
  return files.filter((file) => !entered.has(file)).map((file) => `not entered by ${name}: ${file}`)
}

function load(path) {
  return import(pathToFileURL(path).href)
}

function quoted(file) {
  return `\`${file}\``
}

/** A copy of the build in which each function reports that it is entered. */
async function makeTracedCopy(dist) {
  await cp(dist, traced, { recursive: true })
  for (const path of await readdir(traced, { recursive: true })) {
    if (!path.endsWith('.js')) continue
    const code = await readFile(join(traced, path), 'utf8')
    await writeFile(join(traced, path), code.replaceAll(HEAD, reporting))
  }
}

function reporting(head, ...rest) {
  const { name, method } = rest.at(-1)
  return ACCESSOR.test(method ?? name) ? head : `${head} globalThis.onEnter?.();`
}

async function walks(createPool) {
  // No probe comes in between.
  const options = { ...world.poolOptions('ord'), probeIntervalMs: 600_000 }
  const pool = createPool({ ...options, lanes: false })
  const sharing = createPool(options)
  const insert = 'insert into walks values (1)'
  try {
    await pool.query('create table walks (n int)')
    for (const each of [pool, pool, sharing, sharing]) await each.refresh()
    return {
      read: await walkOf(() => pool.query('select 1')),
      write: await walkOf(() => pool.query(insert)),
      others: {
        'a read in a lane': await walkOf(() => sharing.query('select 1')),
        'a transaction': await walkOf(() => pool.transaction((tx) => tx.query(insert))),
      },
    }
  } finally {
    await Promise.all([pool.end(), sharing.end()])
  }
}

/** What is passed through and asked once everything is warm: of three runs, because a connection may be made beside one of them. */
async function walkOf(run) {
  for (let i = 0; i < 5; i++) await run()
  const runs = [await traceOf(run), await traceOf(run), await traceOf(run)]
  const entered = runs.map(({ stacks }) => new Set(stacks.flat()))
  const inEach = new Set([...entered[0]].filter((file) => entered.every((files) => files.has(file))))
  const [{ way, stacks }] = runs
  return {
    way,
    asked: askedBy(
      way,
      stacks.filter((stack) => stack.every((file) => inEach.has(file))),
    ),
    entered: inEach,
  }
}

/** The stack at the first byte that is written, and the one at each function that is entered. */
async function traceOf(run) {
  const stacks = []
  let way
  const { write } = Socket.prototype
  globalThis.onEnter = () => {
    const stack = filesOf(new Error().stack)
    // The monitor's clock ticks whatever runs.
    if (stack[0]?.startsWith('monitor/') !== true) stacks.push(stack)
  }
  Socket.prototype.write = function (...args) {
    way ??= filesOf(new Error().stack)
    return write.apply(this, args)
  }
  try {
    await run()
  } finally {
    globalThis.onEnter = undefined
    Socket.prototype.write = write
  }
  return { way, stacks }
}

/** The files of a stack, outermost first. */
function filesOf(stack) {
  const files = stack
    .split('\n')
    .filter((line) => line.includes(traced))
    .map((line) => line.slice(line.indexOf(traced) + traced.length + 1).replace(/\.js.*/, ''))
    .toReversed()
  return files.filter((file, i) => file !== files[i - 1])
}

/** For each file on the way, those off the way that it is the first to enter, in order. */
function askedBy(way, stacks) {
  const asked = new Map(way.map((file) => [file, []]))
  const seen = new Set(way)
  for (const stack of stacks) {
    for (const [i, file] of stack.entries()) {
      if (seen.has(file)) continue
      seen.add(file)
      asked.get(stack.slice(0, i).findLast((outer) => asked.has(outer)) ?? way.at(-1)).push(file)
    }
  }
  return asked
}
