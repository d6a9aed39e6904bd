import { startWorld } from 'pg-nearest-world'
import { positiveNumber } from '../command-line/numbers.ts'
import { runCommand } from '../command-line/run-command.ts'
import { runLeaks, type LeakReport, type Sample } from './run.ts'
import { leaksOf, mb } from './verdict.ts'

const USAGE = `npm run leaks [-- options]

Works with a pool for a while, breaks what it works with, and rests, again and again; prints the heap, the timers, the sockets
and the connections at each rest. Exit code 1: something grew.

  --minutes <n>   default 10
  --rounds <n>    rests; default 20
  --json          print the report as JSON
  --help`

await runCommand(
  USAGE,
  {
    minutes: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
  ({ minutes, rounds, json }) => leaks(positiveNumber('minutes', minutes), positiveNumber('rounds', rounds), json),
)

async function leaks(minutes: number, rounds: number, json: boolean): Promise<number> {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
  if (!json) console.log(line('', 'operations', 'heap, MB', 'timers', 'sockets', 'connections'))
  const report = await runLeaks(world, {
    seconds: minutes * 60,
    rounds,
    onRound: (sample) => {
      if (!json) console.log(sampleLine(sample))
    },
  })
  const found = leaksOf(report)
  console.log(json ? JSON.stringify({ ...report, found }) : endOf(report, found))
  return found.length === 0 ? 0 : 1
}

function sampleLine({ atSeconds, operations, heap, timers, sockets, connections }: Sample): string {
  return line(`${Math.round(atSeconds)} s`, operations, mb(heap), timers, sockets, connections)
}

function endOf({ before, after }: LeakReport, found: readonly string[]): string {
  const ends = [
    line('before', '', mb(before.heap), before.timers, before.sockets, before.connections),
    line('after', '', mb(after.heap), after.timers, after.sockets, after.connections),
  ]
  return [...ends, ...(found.length === 0 ? ['✓ Nothing has grown.'] : found.map((each) => `✗ ${each}`))].join('\n')
}

function line(...cells: readonly (string | number)[]): string {
  return cells.map((cell) => String(cell).padStart(12)).join('')
}
