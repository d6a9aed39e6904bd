import { parseDemoArguments, usage } from './arguments.ts'
import { runDemo } from './demo.ts'

const interrupt = new AbortController()
// Once: a second Ctrl-C ends at once, and the world's watchdog cleans up.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort())

try {
  const request = parseDemoArguments(process.argv.slice(2))
  if (request.help) console.log(usage)
  else await runDemo(request, interrupt.signal)
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = error instanceof TypeError || (error instanceof Error && error.message.startsWith('--')) ? 2 : 1
}
