'use strict'
/** An app that has two copies of the library, of two versions, and each in both forms: prints what they make of each other. */
const { createRequire } = require('node:module')

const [, , options, ...folders] = process.argv
const [newer, older] = folders.map((folder) => createRequire(`${folder}/app.cjs`))

async function main() {
  const esm = await import(newer.resolve('pg-nearest').replace(/\.cjs$/, '.js'))
  const cjs = newer(newer.resolve('pg-nearest').replace(/\.js$/, '.cjs'))
  const other = older('pg-nearest')
  const { withSession } = older('pg-nearest/http')
  const pool = esm.createPool(JSON.parse(options))
  const told = {
    versions: [newer, older].map((load) => load('pg-nearest/package.json').version),
    oneCopyOfBothForms: Object.keys(cjs).every((name) => cjs[name] === esm[name]),
    twoCopies: other.createPool !== esm.createPool,
  }
  try {
    esm.createPool({ primary: 5 })
  } catch (error) {
    told.recognised = [other.isNearestError(error), other.isOptionError(error), other.isNoServerError(error)]
    told.itsOwn = other.nearestErrorOf(new Error('by an ORM', { cause: error })) === error
  }
  // The middleware of one with the pool of the other, whose replica is late.
  const handle = withSession(pool, async (request) => {
    if (request.method === 'POST') await pool.query("insert into users (name) values ('Barbara')")
    const { rows } = await pool.query("select name from users where name = 'Barbara'")
    return Response.json(rows)
  })
  const saved = await handle(new Request('http://localhost/', { method: 'POST' }))
  const cookie = saved.headers
    .getSetCookie()
    .map((each) => each.split(';', 1)[0])
    .join('; ')
  const shown = await handle(new Request('http://localhost/', { headers: { cookie } }))
  told.seen = [await saved.json(), await shown.json()]
  const [one, two] = [esm, other].map(({ createPool }) => createPool(JSON.parse(options)))
  await Promise.all([one.refresh(), two.refresh()])
  told.machines = globalThis[Symbol.for('pg-nearest.machines.1')].size
  await Promise.all([pool.end(), one.end(), two.end()])
  process.stdout.write(JSON.stringify(told))
}

void main()
