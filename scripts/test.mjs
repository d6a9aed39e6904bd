import { parseArgs, styleText } from 'node:util'
import { isMachineIdle } from './is-machine-idle.mjs'
import { roundsOf } from './rounds.mjs'
import { runMajors } from './run-majors.mjs'
import { run, runBeside, together } from './run-vitest.mjs'
import { lanes } from './steps.mjs'
import { whatIsLacking } from './what-is-lacking.mjs'

const usage = `npm test [-- options]
npm run test:long [-- options]

Checks everything, as CI does: first what takes minutes, then what takes long. The last line counts what passed, failed and
was skipped.

  --only <steps>   only these, such as --only unit,lint (and build first, if they need it)
  --bail           stop at the first step that fails
  --within <min>   begin no step later than so many minutes after the start, and name those that are left out
  --list           name the steps of both
  --help`

const values = parse()
const steps = lanes[values.long ? 'npm run test:long' : 'npm test']

if (values.help) {
  console.log(usage)
} else if (values.list) {
  for (const [command, listed] of Object.entries(lanes)) {
    console.log(styleText('bold', command))
    for (const { name, about } of listed) console.log(`  ${name.padEnd(10)} ${about}`)
  }
} else {
  process.exitCode = await check(chosen(values.only))
}

function parse() {
  const options = {
    only: { type: 'string' },
    long: { type: 'boolean' },
    bail: { type: 'boolean' },
    within: { type: 'string' },
    list: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  }
  try {
    const { within = 'Infinity', ...others } = parseArgs({ options }).values
    const withinMs = Number(within) * 60_000
    if (Number.isNaN(withinMs)) throw new Error('--within takes a number of minutes.')
    return { ...others, withinMs }
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`)
    process.exit(2)
  }
}

function chosen(only) {
  if (only === undefined) return steps
  const names = only.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !steps.some((step) => step.name === name))
  if (unknown === undefined) {
    const built = steps.some((step) => step.built === true && names.includes(step.name))
    return steps.filter(({ name }) => names.includes(name) || (built && name === 'build'))
  }
  console.error(`There is no step ${unknown}: there are ${steps.map(({ name }) => name).join(', ')}.`)
  process.exit(2)
}

async function check(todo) {
  const outcomes = []
  const isOver = () => values.bail && outcomes.some(({ counts }) => counts.failed > 0)
  for (const { measuring, groups } of roundsOf(todo)) {
    if (isOver()) break
    // Where others take the cores, too, what measures would have too little of them.
    const isShared = measuring !== undefined && groups.length > 0 && (await isMachineIdle())
    const measured = measuring && runGroup(measuring, { keepsOutput: isShared })
    if (!isShared) outcomes.push(...((await measured) ?? []))
    for (const group of groups) if (!isOver()) outcomes.push(...(await runGroup(group, { yields: isShared })))
    if (isShared) outcomes.push(...(await measured))
  }
  const failed = outcomes.filter(({ counts }) => counts.failed > 0).map(({ name }) => name)
  if (failed.length > 0) console.log(styleText('red', `\nFailed: ${failed.join(', ')}.`))
  const { counts, failures } = together(outcomes)
  for (const failure of failures) console.log(`  ${failure}`)
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`)
  return failed.length > 0 ? 1 : 0
}

/** Runs these beside each other, unless it is too late to begin. Tells what came of each. */
function runGroup(group, how) {
  if (performance.now() > values.withinMs) {
    return group.map(({ name }) => {
      console.log(`\n  skipped: ${name}, which would begin later than --within allows`)
      return { name, counts: { passed: 0, failed: 0, skipped: 1 } }
    })
  }
  console.log()
  for (const { name, about } of group) console.log(styleText('bold', `▸ ${name}`) + ` ${about}`)
  return Promise.all(
    group.map(async (step) => {
      const started = performance.now()
      const { counts, failures } = await runStep(step, { keepsOutput: group.length > 1, ...how })
      const verdict = counts.failed > 0 ? styleText('red', 'failed') : styleText('green', 'ok')
      const seconds = ((performance.now() - started) / 1_000).toFixed(1)
      console.log(`  ${step.name}: ${verdict} in ${seconds} s`)
      return { name: step.name, counts, failures }
    }),
  )
}

/** @param how - as of `run` */
async function runStep(step, how) {
  let lacking
  try {
    lacking = await whatIsLacking(step)
  } catch (error) {
    console.error(`  ${error.message}`)
    return { counts: { passed: 0, failed: 1, skipped: 0 } }
  }
  if (lacking !== undefined) {
    console.log(`  skipped: ${lacking}`)
    return { counts: { passed: 0, failed: 0, skipped: 1 } }
  }
  if (step.vitest !== undefined) return runBeside([step.vitest].flat(), how)
  if (step.majors !== undefined) return runMajors(step.majors)
  const [program, ...args] = step.run
  const code = await run(program, args, { ...how, env: step.env })
  return { counts: { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 } }
}
