import { seedNumber, wholeNumber } from '../command-line/numbers.ts'
import { progress } from '../command-line/progress.ts'
import { runCommand } from '../command-line/run-command.ts'
import { runModel } from './run.ts'

const USAGE = `npm run model [-- options]

Runs random programs against one server's connections: they are taken, waited for, sent on, cancelled and given back, while a
server on real sockets cuts, falls silent, answers half, refuses and dies. Exit code 1: something did not hold.

  --programs <n>  default 10000
  --seed <n>      makes the same choices as an earlier run; default: any
  --lanes <n>     so many side by side; default 8
  --help`

await runCommand(
  USAGE,
  {
    programs: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    lanes: { type: 'string', default: '8' },
  },
  ({ programs, seed, lanes }) =>
    model(wholeNumber('programs', programs), seedNumber(seed), wholeNumber('lanes', lanes)),
)

async function model(programs: number, seed: number, lanes: number): Promise<number> {
  console.log(`Seed ${seed}.`)
  const started = performance.now()
  const seconds = (): number => Math.round((performance.now() - started) / 1_000)
  const onProgress = (done: number): void => {
    const line = `${done} of ${programs} programs, ${seconds()} s`
    progress(line)
    if (!process.stderr.isTTY && done % 1_000 === 0) console.error(line)
  }
  const report = await runModel({ programs, seed, lanes, onProgress })
  progress('')
  console.log(`${report.programs} programs, ${report.commands} commands, ${seconds()} s.`)
  for (const violation of report.violations) console.log(`✗ ${violation}`)
  if (report.violations.length === 0) console.log('✓ All has held.')
  else console.log(`Again with: --seed ${seed} --programs ${programs} --lanes ${lanes}`)
  return report.violations.length === 0 ? 0 : 1
}
