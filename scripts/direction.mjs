import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Shows that the linter refuses what ARCHITECTURE.md forbids: one snippet for each, which must not pass. */
const root = fileURLToPath(new URL('..', import.meta.url))
const core = 'packages/pg-nearest/src'
const world = 'packages/pg-nearest-world/src'
const forbidden = [
  [`${core}/statement`, "import { a } from '../topology/topology.ts'"],
  [`${core}/statement`, "import { a } from 'node:fs'"],
  [`${core}/topology`, "import { a } from '../monitor/probe.ts'"],
  [`${core}/topology`, "import { a } from '../events/events.ts'"],
  [`${core}/topology`, 'const a = Date.now()'],
  [`${core}/topology`, 'const a = performance.now()'],
  [`${core}/session`, "import { a } from '../execute/walk.ts'"],
  [`${core}/events`, "import { a } from '../pool/status.ts'"],
  [`${core}/discovery`, "import { a } from '../fly/fly.ts'"],
  [`${core}/monitor`, "import { a } from '../execute/walk.ts'"],
  [`${core}/monitor`, "import { a } from '../statement/classify.ts'"],
  [`${core}/execute`, "import { a } from '../pool/servers.ts'"],
  [`${core}/execute`, "import { a } from '../discovery/region.ts'"],
  [`${core}/pool`, "import { a } from '../cli/main.ts'"],
  [`${core}/pool`, "import { a } from '../fly/fly.ts'"],
  [`${core}/fly`, "import { a } from '../monitor/monitor.ts'"],
  [`${core}/cli`, "import { a } from '../execute/walk.ts'"],
  [`${world}/wan`, "import { a } from '../cluster/server.ts'"],
  [`${world}/cluster`, "import { a } from '../wan/network.ts'"],
  [`${world}/geo`, "import { a } from '../wan/network.ts'"],
]
const allowed = [
  [`${core}/execute`, "import { a } from '../monitor/monitor.ts'"],
  [`${core}/pool`, "import { a } from '../execute/walk.ts'"],
]

// Outside of the repository, for nothing in node_modules is linted.
const scratch = await mkdtemp(join(tmpdir(), 'pg-nearest-direction-'))
const config = join(scratch, '.oxlintrc.json')
let wrong = 0
try {
  await writeFile(config, await readFile(join(root, '.oxlintrc.json'), 'utf8'))
  const cases = [...forbidden, ...allowed].map(([folder, line], i) => [folder, line, i < forbidden.length])
  for (const [i, [folder, line]] of cases.entries()) {
    const file = join(scratch, folder, `case-${i}.ts`)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `${line}\nexport const b = a\n`)
  }
  const output = await lint()
  for (const [i, [folder, line, refused]] of cases.entries()) {
    const found = output.some((message) => message.includes(`case-${i}.ts`))
    if (found === refused) continue
    wrong++
    console.error(`  ${folder}: the linter ${refused ? 'lets pass' : 'refuses'}: ${line}`)
  }
  console.log(`  ${cases.length - wrong} of ${cases.length} as they should be`)
} finally {
  await rm(scratch, { recursive: true, force: true })
}
process.exitCode = wrong === 0 ? 0 : 1

async function lint() {
  const oxlint = join(root, 'node_modules', '.bin', 'oxlint')
  const args = ['-c', config, '--no-ignore', '-f', 'unix', 'packages']
  const { stdout } = await promisify(execFile)(oxlint, args, { cwd: scratch }).catch((error) => error)
  return stdout.split('\n').filter((line) => /no-restricted-(imports|globals)/.test(line))
}
