import { parseArgs, styleText } from 'node:util'
import { runMajors } from './run-majors.mjs'
import { run, runBeside } from './run-vitest.mjs'
import { lanes } from './steps.mjs'
import { whatIsLacking } from './what-is-lacking.mjs'

const usage = `npm test [-- options]
npm run test:long [-- options]

Checks everything, as CI does: first what takes minutes, then what takes long. The last line counts what passed, failed and
was skipped.

  --only <steps>   only these, such as --only unit,lint (and build first, if they need it)
  --bail           stop at the first step that fails
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
    list: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  }
  try {
    return parseArgs({ options }).values
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
  const total = { passed: 0, failed: 0, skipped: 0 }
  const failed = []
  const failures = []
  for (const group of groupsOf(todo)) {
    console.log()
    for (const { name, about } of group) console.log(styleText('bold', `▸ ${name}`) + ` ${about}`)
    const alone = group.length === 1
    await Promise.all(
      group.map(async (step) => {
        const started = performance.now()
        const { counts, failures: found = [] } = await runStep(step, alone)
        failures.push(...found)
        for (const key of Object.keys(total)) total[key] += counts[key]
        if (counts.failed > 0) failed.push(step.name)
        const verdict = counts.failed > 0 ? styleText('red', 'failed') : styleText('green', 'ok')
        const seconds = ((performance.now() - started) / 1_000).toFixed(1)
        console.log(`  ${alone ? '' : `${step.name}: `}${verdict} in ${seconds} s`)
      }),
    )
    if (failed.length > 0 && values.bail) break
  }
  if (failed.length > 0) console.log(styleText('red', `\nFailed: ${failed.join(', ')}.`))
  for (const failure of failures) console.log(`  ${failure}`)
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`)
  return failed.length > 0 ? 1 : 0
}

/** What runs beside each other. */
function groupsOf(todo) {
  const groups = []
  for (const step of todo) {
    const last = groups.at(-1)
    if (step.group !== undefined && last?.[0].group === step.group) last.push(step)
    else groups.push([step])
  }
  return groups
}

/** @param alone - its output is shown as it comes; otherwise at its end */
async function runStep(step, alone) {
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
  if (step.vitest !== undefined) return runBeside([step.vitest].flat())
  if (step.majors !== undefined) return runMajors(step.majors)
  const [program, ...args] = step.run
  const code = await run(program, args, { env: step.env, keepsOutput: !alone })
  return { counts: { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 } }
}
