import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runModel } from './run.ts'

const USAGE = `npm run model [-- options]

Runs random programs against one server's connections: they are taken, waited for, sent on, cancelled and given back, while a
server on real sockets cuts, falls silent, answers half, refuses and dies. Exit code 1: something did not hold.

  --programs <n>  default 10000
  --seed <n>      makes the same choices as an earlier run; default: any
  --lanes <n>     so many side by side; default 8
  --help`

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    lanes: { type: 'string', default: '8' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(USAGE)
else
  process.exitCode = await model(whole('programs', values.programs), Number(values.seed), whole('lanes', values.lanes))

async function model(programs: number, seed: number, lanes: number): Promise<number> {
  console.log(`Seed ${seed}.`)
  const started = performance.now()
  const seconds = (): number => Math.round((performance.now() - started) / 1_000)
  const report = await runModel({ programs, seed, lanes, onProgress: (done) => progress(done, programs, seconds()) })
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
  console.log(`${report.programs} programs, ${report.commands} commands, ${seconds()} s.`)
  for (const violation of report.violations) console.log(`✗ ${violation}`)
  if (report.violations.length === 0) console.log('✓ All has held.')
  else console.log(`Again with: --seed ${seed} --programs ${programs} --lanes ${lanes}`)
  return report.violations.length === 0 ? 0 : 1
}

function progress(done: number, programs: number, seconds: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${done} of ${programs} programs, ${seconds} s`)
  else if (done % 1_000 === 0) console.error(`${done} of ${programs} programs, ${seconds} s`)
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new RangeError(`--${name} takes a whole number greater than 0.`)
}
