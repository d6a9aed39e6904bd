import { parseArgs } from 'node:util'
import { openPool } from './pool.ts'
import { seedDatabase } from './seed-database.ts'

const help = `Adds sample users to the database in DATABASE_URL. A second run adds nobody twice.

Usage: npm run seed -- [--count N]

  --count N   how many sample users there shall be (default 100)
  --help      show this`

const readCount = (): number | 'help' => {
  const { values } = parseArgs({
    options: { count: { type: 'string', default: '100' }, help: { type: 'boolean', short: 'h', default: false } },
  })
  if (values.help) return 'help'
  if (!/^\d{1,7}$/.test(values.count)) {
    throw new Error(`--count takes a number from 0 to 9999999, not "${values.count}".`)
  }
  return Number(values.count)
}

const seed = async (count: number): Promise<void> => {
  const pool = openPool()
  try {
    const added = await seedDatabase(pool, { count, onProgress: showProgress })
    console.log(`Added ${added} users; ${count - added} were there already.`)
  } finally {
    await pool.end()
  }
}

const showProgress = (done: number, count: number): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${count} users${done === count ? '\n' : ''}`)
}

try {
  const count = readCount()
  if (count === 'help') console.log(help)
  else await seed(count)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
