import { parseArgs } from 'node:util'
import { placeLibrary } from './place-library.js'

const usage = `npm run compatibility [-- options]

Measures what each library and framework does on the pool, in a world of two regions, and compares it with the page about them.

  --write         write the page instead
  --only <names>  measure only these packages, such as --only kysely,koa, and compare nothing
  --help`

const { write, only, help } = parse()
if (help) {
  console.log(usage)
} else {
  // What is imported from here on imports it.
  await placeLibrary()
  // PostGraphile warns where it is not set.
  process.env.GRAPHILE_ENV ??= 'production'
  const { measureAll } = await import('./measure/measure-all.js')
  const { comparePage, writePage } = await import('./report/page.js')
  const measured = await measureAll(only?.split(',').map((name) => name.trim()))
  if (write) await writePage(measured)
  else if (only === undefined) process.exitCode = (await comparePage(measured)) ? 0 : 1
}

function parse() {
  const options = {
    write: { type: 'boolean' },
    only: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  }
  try {
    const { values } = parseArgs({ options })
    if (values.write && values.only !== undefined) throw new Error('The page is of all: --write goes without --only.')
    return values
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`)
    process.exit(2)
  }
}
