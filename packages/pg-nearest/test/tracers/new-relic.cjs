'use strict'
/**
 * The same app with what New Relic does to pg: its rewriter, by its rules (`lib/subscribers/pg` of its agent 13), and its way to learn of an end, by
 * another callback in the place of the one that was given. Its agent itself brings some hundred packages.
 */
const { AsyncLocalStorage } = require('node:async_hooks')
const { tracingChannel } = require('node:diagnostics_channel')
const ModulePatch = require('@apm-js-collab/tracing-hooks')

const pg = { name: 'pg', versionRange: '>=8.3.0', filePath: 'lib/client.js' }
const rewritten = (methodName) => ({
  channelName: `nr_${methodName}`,
  module: pg,
  functionQuery: { className: 'Client', methodName, kind: 'Async' },
})
new ModulePatch({ instrumentations: [rewritten('connect'), rewritten('query')] }).patch()

const segments = new AsyncLocalStorage()
const seen = []
let ended = 0
const channel = tracingChannel('orchestrion:pg:nr_query')
channel.start.bindStore(segments, (data) => {
  const { arguments: args, self } = data
  const [config] = args
  const callback = args.at(-1)
  if (typeof callback === 'function') {
    args.splice(-1, 1, function (...answer) {
      ended++
      return channel.asyncStart.runStores(data, () => Reflect.apply(callback, this, answer))
    })
  }
  const text = typeof config === 'string' ? config : config.text
  seen.push({ text, port: self.port, parent: segments.getStore()?.id })
  return { id: `segment ${seen.length}` }
})
// oxlint-disable-next-line import/no-unassigned-import -- its hook is on what is loaded
require('pg')
const { runApp } = require('./traced-app.cjs')

let requests = 0
const of = (work) => {
  const id = `request ${++requests}`
  return segments.run({ id }, async () => ({ span: id, ...(await work()) }))
}

async function main() {
  const answers = await runApp(JSON.parse(process.argv[2]), of)
  process.stdout.write(JSON.stringify({ seen, ended, answers }))
}

void main()
