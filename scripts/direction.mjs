import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { houses } from './rooms.mjs'
import { roomRules } from './room-rules.mjs'

/**
 * Shows that the linter refuses what ARCHITECTURE.md forbids, and nothing else: each import of one room from another, and
 * what a pure room may not use, as a snippet of its own. And that no room is a hall, none may import what it does not, and the table of the rooms says so.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const impure = [
  "import { a } from 'node:fs'",
  "import { a } from 'pg'",
  "import { a } from '../sleep-aware-clock.ts'",
  'const a = Date.now()',
  'const a = new Date()',
  'const a = performance.now()',
  'const a = Math.random()',
  'const a = crypto.randomUUID()',
  'const a = process.env',
  'const a = setTimeout(String, 1)',
  'const a = globalThis',
]
const cases = [
  ...houses.flatMap(imports),
  ...houses.flatMap(({ src, pure }) =>
    pure.flatMap((room) => impure.map((line) => ({ folder: `${src}/${room}`, line, refused: true }))),
  ),
  { folder: 'packages/pg-nearest/src/topology', line: 'const a = Math.max(1, 2)', refused: false },
  { folder: 'packages/pg-nearest/src/monitor', line: 'const a = Math.random()', refused: false },
  {
    folder: 'packages/pg-nearest/src',
    name: 'errors.ts',
    line: "import { a } from './events/events.ts'",
    refused: true,
  },
  { folder: 'packages/pg-nearest-world/src', line: "import { a } from './cli/main.ts'", refused: true },
  { folder: 'packages/pg-nearest-world/src', line: "import { a } from './wan/network.ts'", refused: false },
]

function imports({ src, mayImport }) {
  const rooms = Object.keys(mayImport)
  return rooms.flatMap((from) =>
    rooms
      .filter((to) => to !== from)
      .map((to) => ({
        folder: `${src}/${from}`,
        line: `import { a } from '../${to}/anything.ts'`,
        refused: !mayImport[from].includes(to),
      })),
  )
}

// Outside of the repository, for nothing in node_modules is linted.
const scratch = await mkdtemp(join(tmpdir(), 'pg-nearest-direction-'))
const config = join(scratch, '.oxlintrc.json')
let wrong = 0
try {
  for (const name of ['.oxlintrc.json', '.oxlintrc.rooms.json'])
    await writeFile(join(scratch, name), await readFile(join(root, name), 'utf8'))
  for (const [i, { folder, name = `case-${i}.ts`, line }] of cases.entries()) {
    const file = join(scratch, folder, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `${line}\nexport const b = a\n`)
  }
  const output = await lint()
  for (const [i, { folder, name = `case-${i}.ts`, line, refused }] of cases.entries()) {
    const found = output.some((message) => message.includes(`${folder}/${name}:`))
    if (found === refused) continue
    wrong++
    console.error(`  ${folder}: the linter ${refused ? 'lets pass' : 'refuses'}: ${line}`)
  }
  console.log(`  ${cases.length - wrong} of ${cases.length} as they should be`)
} finally {
  await rm(scratch, { recursive: true, force: true })
}
if ((await readFile(join(root, '.oxlintrc.rooms.json'), 'utf8')) !== (await roomRules())) {
  wrong++
  console.error('  .oxlintrc.rooms.json is not what scripts/rooms.mjs says: npm run rooms')
}
for (const { src, mayImport, maxLines } of houses)
  for (const room of Object.keys(mayImport)) {
    const lines = await linesOf(join(root, src, room))
    if (lines <= maxLines) continue
    wrong++
    console.error(`  ${src}/${room}: ${lines} lines, and a room has at most ${maxLines}`)
  }
for (const { src, mayImport } of houses)
  for (const [room, may] of Object.entries(mayImport)) {
    const texts = await textsOf(join(root, src, room))
    const unused = may.filter((other) => !texts.some((text) => text.includes(`from '../${other}/`)))
    if (unused.length === 0) continue
    wrong++
    console.error(`  ${src}/${room} imports nothing from ${unused.join(', ')}`)
  }
const shown = shownImports(await readFile(join(root, 'ARCHITECTURE.md'), 'utf8'))
for (const [room, may] of Object.entries(houses[0].mayImport)) {
  if (shown.get(room) === inOrder(may)) continue
  wrong++
  console.error(`  ARCHITECTURE.md: ${room} may import ${may.join(', ') || 'nothing'}`)
}
process.exitCode = wrong === 0 ? 0 : 1

/** What the table of the rooms says that each imports. */
function shownImports(text) {
  const names = (cell) => [...cell.matchAll(/`([a-z-]+)\/?`/g)].map(([, name]) => name)
  const rows = [...text.matchAll(/^\| (`[a-z-]+\/`.*?) *\| .*?\| (.*?) *\|$/gm)]
  return new Map(rows.flatMap(([, rooms, may]) => names(rooms).map((room) => [room, inOrder(names(may))])))
}

function inOrder(names) {
  return names.toSorted((a, b) => a.localeCompare(b)).join(' ')
}

async function lint() {
  const oxlint = join(root, 'node_modules', '.bin', 'oxlint')
  const args = ['-c', config, '--no-ignore', '-f', 'unix', 'packages']
  const { stdout } = await promisify(execFile)(oxlint, args, { cwd: scratch }).catch((error) => error)
  return stdout.split('\n').filter((line) => /no-restricted-(imports|globals|properties)/.test(line))
}

async function linesOf(room) {
  return (await textsOf(room)).join('').split('\n').length - 1
}

async function textsOf(room) {
  const files = (await readdir(room, { recursive: true })).filter((file) => file.endsWith('.ts'))
  return Promise.all(files.map((file) => readFile(join(room, file), 'utf8')))
}
