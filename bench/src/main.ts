import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { overheadTable } from './overhead-table.ts'
import { overhead } from './scenarios/overhead.ts'

const usage = `npm run bench -w bench [-- options]

A bare pg.Pool on a replica and our pool, side by side: the same read by key, at 1 and at 50 callers.

  --time SECONDS   for all of it, default 30
  --json           the figures as one JSON object
  --help`

const { values } = parseArgs({
  options: {
    time: { type: 'string', default: '30' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})

if (values.help) {
  console.log(usage)
} else {
  const seconds = Number(values.time)
  if (!(seconds >= 1 && seconds <= 3_600)) throw new RangeError('--time takes seconds, from 1 to 3600.')
  const results = await overhead(seconds)
  const { version }: { version: string } = createRequire(import.meta.url)('pg/package.json')
  if (values.json) console.log(JSON.stringify({ node: process.version, pg: version, overhead: results }))
  else console.log(`Node ${process.version}, pg ${version}\n${overheadTable(results)}`)
}
