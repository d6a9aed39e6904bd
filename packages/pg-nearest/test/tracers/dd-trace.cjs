'use strict'
/** An app with the real dd-trace: prints each statement that its hook has seen, and what the app was answered. */
Object.assign(process.env, { DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false', DD_REMOTE_CONFIGURATION_ENABLED: 'false' })
const { subscribe } = require('node:diagnostics_channel')
const tracer = require('dd-trace').init({ startupLogs: false, service: 'app' })
tracer.use('pg', { dbmPropagationMode: 'full' })
// oxlint-disable-next-line import/no-unassigned-import -- its hook is on `require`
require('pg')
const { createPool } = require('pg-nearest')
const Cursor = require('pg-cursor')

const options = JSON.parse(process.argv[2])
const seen = []
subscribe('apm:pg:query:start', ({ originalText, params }) => {
  // The statement's own span is active there.
  // oxlint-disable-next-line no-underscore-dangle -- it is told nowhere else
  const parent = tracer.scope().active()?.context()._parentId?.toString(10)
  seen.push({ text: originalText, port: Number(params.port), parent })
})
const ended = new Set()
subscribe('apm:pg:query:finish', (message) => void ended.add(message))

async function main() {
  const pool = createPool(options)
  await pool.replica().query('select 0')
  const of = (text) => tracer.trace('request', async (span) => ({ span: span.context().toSpanId(), ...(await text()) }))
  const answers = {
    many: await Promise.all(
      [1, 2, 3].map((n) => of(() => pool.query('select $1::int as n, current_query() as text', [n]))),
    ),
    written: await of(() => pool.query("insert into users (name) values ('Donald') returning name")),
    transaction: await of(() =>
      pool.transaction(async (tx) => {
        await tx.query('select 1 as one')
        return tx.query('select 2 as two')
      }),
    ),
    borrowed: await of(async () => {
      const client = await pool.connect()
      try {
        const cursor = client.query(new Cursor('select n from generate_series(1, 3) as n'))
        const rows = await cursor.read(10)
        await cursor.close()
        return { rows }
      } finally {
        client.release()
      }
    }),
    failed: await of(() => pool.query('select 1 / 0').catch(({ code }) => ({ rows: [{ code }] }))),
  }
  await pool.end()
  const rowsOf = ({ rows, span }) => ({ rows, span })
  const told = Object.entries(answers).map(([name, answer]) => [name, [answer].flat().map(rowsOf)])
  process.stdout.write(JSON.stringify({ seen, ended: ended.size, answers: Object.fromEntries(told) }))
  // Its tracer keeps a process alive.
  process.exit(0)
}

void main()
