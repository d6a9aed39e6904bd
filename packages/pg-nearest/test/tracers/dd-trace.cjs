'use strict'
/** An app with the real dd-trace: prints each statement that its hook has seen, and what the app was answered. */
Object.assign(process.env, { DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false', DD_REMOTE_CONFIGURATION_ENABLED: 'false' })
const { subscribe } = require('node:diagnostics_channel')
const tracer = require('dd-trace').init({ startupLogs: false, service: 'app' })
tracer.use('pg', { dbmPropagationMode: 'full' })
// oxlint-disable-next-line import/no-unassigned-import -- its hook is on `require`
require('pg')
const { runApp } = require('./traced-app.cjs')

const seen = []
subscribe('apm:pg:query:start', ({ originalText, params }) => {
  // The statement's own span is active there.
  // oxlint-disable-next-line no-underscore-dangle -- it is told nowhere else
  const parent = tracer.scope().active()?.context()._parentId?.toString(10)
  seen.push({ text: originalText, port: Number(params.port), parent })
})
const ended = new Set()
subscribe('apm:pg:query:finish', (message) => void ended.add(message))

const of = (text) => tracer.trace('request', async (span) => ({ span: span.context().toSpanId(), ...(await text()) }))

async function main() {
  const answers = await runApp(JSON.parse(process.argv[2]), of)
  process.stdout.write(JSON.stringify({ seen, ended: ended.size, answers }))
  // Its tracer keeps a process alive.
  process.exit(0)
}

void main()
