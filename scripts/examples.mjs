import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/**
 * Compiles every `ts` block in README, docs and docstrings, each as a module of its own, against the built packages. A
 * block that must not be compiled says so and why: ```ts no-check: <reason>.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, 'node_modules', '.cache')
/** What people make of their schema by a command, and where the example has it. */
const generated = [{ from: 'bench/src/contenders/prisma/generated', to: 'generated/prisma' }]

const configuration = {
  extends: '../../../tsconfig.base.json',
  compilerOptions: {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
    noUnusedLocals: false,
    tsBuildInfoFile: null,
  },
}

const files = (await Promise.all(['.', 'packages', 'examples', 'docs'].map(sources))).flat()
const blocks = (await Promise.all([...new Set(files)].toSorted((a, b) => a.localeCompare(b)).map(blocksOf))).flat()
process.exitCode = await compile(blocks)

async function sources(folder) {
  const path = join(root, folder)
  const names = await readdir(path, { recursive: folder !== '.' }).catch(() => [])
  return names
    .map((name) => join(folder, name))
    .filter((name) => !/(^|\/)(node_modules|dist|test|reference|\.vitepress)\//.test(name))
    .filter((name) => name.endsWith('.md') || (/(^|\/)src\/.*\.tsx?$/.test(name) && folder !== '.'))
}

async function blocksOf(file) {
  const text = await readFile(join(root, file), 'utf8')
  const found = []
  let block
  for (const [i, raw] of text.split('\n').entries()) {
    const line = file.endsWith('.md') ? raw : raw.replace(/^\s*\* ?/, '')
    const fence = /^\s*```(\S*)\s*(.*)$/.exec(line)
    if (block === undefined && fence !== null && fence[1] !== '') {
      block = { file, line: i + 1, language: fence[1], note: fence[2], text: '' }
    } else if (block !== undefined && fence !== null) {
      if (['ts', 'tsx', 'typescript'].includes(block.language)) found.push(block)
      block = undefined
    } else if (block !== undefined) {
      block.text += `${line}\n`
    }
  }
  return found
}

async function compile(all) {
  const unexplained = all.filter(({ note }) => note === 'no-check' || note === 'no-check:')
  for (const { file, line } of unexplained)
    console.error(`  ${file}:${line} no-check needs a reason: no-check: <reason>`)
  const checked = all.filter(({ note }) => !note.startsWith('no-check'))
  // Inside of node_modules: there the packages are found, and git sees nothing.
  await mkdir(cache, { recursive: true })
  const scratch = await mkdtemp(join(cache, 'examples-'))
  try {
    const modules = checked.map((_, i) => `example-${i}.ts`)
    for (const [i, { text }] of checked.entries()) await writeFile(join(scratch, modules[i]), `${text}\nexport {}\n`)
    for (const { from, to } of generated) await cp(join(root, from), join(scratch, to), { recursive: true })
    await writeFile(join(scratch, 'tsconfig.json'), JSON.stringify({ ...configuration, files: modules }))
    const tsc = join(root, 'node_modules', '.bin', 'tsc')
    const compiled = await promisify(execFile)(tsc, ['-p', scratch]).then(
      () => [],
      (error) => `${error.stdout}${error.stderr}`.trim().split('\n'),
    )
    const errors = compiled.filter((line) => line !== '' && !line.startsWith(' '))
    for (const error of errors) console.error(`  ${located(error, checked)}`)
    console.log(`  ${checked.length} examples, ${errors.length} errors`)
    return errors.length + unexplained.length > 0 ? 1 : 0
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Where the error is for whoever wrote the example. */
function located(error, checked) {
  const match = /example-(\d+)\.ts\((\d+),(\d+)\): (.*)$/.exec(error)
  const block = checked[Number(match?.[1])]
  if (match === null || block === undefined) return error
  return `${block.file}:${block.line + Number(match[2])} ${match[4]}`
}
