import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { overheadTable } from './overhead-table.ts'
import { overhead } from './scenarios/overhead.ts'
import { worldTimes } from './scenarios/world.ts'
import { worldTable } from './world-table.ts'

const usage = `npm run bench -w bench [-- <scenario>] [options]

  overhead         a bare pg.Pool on a replica and our pool, side by side: the same read by key, at 1 and at 50 callers
                   (the default)
  world            how long a world of five regions takes to boot, and how exact its links are

  --time SECONDS   for all of overhead, default 30
  --json           the figures as one JSON object
  --help`

try {
  process.exitCode = await bench(process.argv.slice(2))
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 2
}

async function bench(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      time: { type: 'string', default: '30' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const seconds = Number(values.time)
  if (!(seconds >= 1 && seconds <= 3_600)) throw new RangeError('--time takes seconds, from 1 to 3600.')
  const [scenario = 'overhead'] = positionals
  const { version }: { version: string } = createRequire(import.meta.url)('pg/package.json')
  const machine = { node: process.version, pg: version }
  const show = <T>(results: T, table: (results: T) => string): void =>
    console.log(
      values.json
        ? JSON.stringify({ ...machine, [scenario]: results })
        : `Node ${machine.node}, pg ${version}\n${table(results)}`,
    )
  if (scenario === 'overhead') show(await overhead(seconds), overheadTable)
  else if (scenario === 'world') show(await worldTimes(), worldTable)
  else throw new RangeError(`There is no scenario ${JSON.stringify(scenario)}: there are overhead and world.`)
  return 0
}
