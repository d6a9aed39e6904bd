'use strict'
/** The same app with the real Sentry, which rewrites pg when that is loaded: prints the spans of statements that it would send. */
const Sentry = require('@sentry/node')

const seen = []
Sentry.init({
  dsn: 'https://key@sentry.invalid/1',
  tracesSampleRate: 1,
  // Nothing is sent.
  transport: () => ({ send: () => Promise.resolve({}), flush: () => Promise.resolve(true) }),
  beforeSendSpan(span) {
    const { attributes, parent_span_id: parent, start_timestamp: start, end_timestamp: end, status } = span
    const text = attributes['db.query.text'] ?? attributes['db.statement']
    if (text !== undefined)
      seen.push({ text, port: attributes['server.port'], parent, ms: (end - start) * 1_000, status })
    return span
  },
})
// oxlint-disable-next-line import/no-unassigned-import -- its hook is on `require`
require('pg')
const { runApp } = require('./traced-app.cjs')

const of = (work) =>
  Sentry.startSpan({ name: 'request' }, async (span) => ({ span: span.spanContext().spanId, ...(await work()) }))

async function main() {
  const answers = await runApp(JSON.parse(process.argv[2]), of)
  await Sentry.flush(2_000)
  process.stdout.write(JSON.stringify({ seen, answers }))
  process.exit(0)
}

void main()
