import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkLinks } from './check-links.mjs'

/** The reference from the docstrings, then the site. A warning is an error, and so is a link that leads nowhere. */
const here = fileURLToPath(new URL('.', import.meta.url))
const steps = [
  ['typedoc', '--logLevel', 'Warn'],
  ['tsc', '-p', 'tsconfig.site.json'],
  ['vitepress', 'build'],
]

for (const folder of ['reference', 'dist']) await rm(join(here, folder), { recursive: true, force: true })
for (const [program, ...args] of steps) {
  const { code, output } = await run(program, args)
  const warning = output.split('\n').find((line) => /\bwarn(?:ing)?\b/i.test(line))
  if (code === 0 && warning === undefined) continue
  console.error(output)
  console.error(code === 0 ? `${program} warns: ${warning}` : `${program} has failed`)
  process.exit(1)
}
const { pages, links, dead } = await checkLinks(join(here, 'dist'))
for (const each of dead) console.error(`  ${each}`)
console.log(`  ${pages} pages, ${links} links, ${dead.length} of them dead`)
process.exitCode = dead.length === 0 ? 0 : 1

function run(program, args) {
  const PATH = `${join(here, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`
  const child = spawn(program, args, { cwd: here, env: { ...process.env, PATH, NO_COLOR: '1' } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}
