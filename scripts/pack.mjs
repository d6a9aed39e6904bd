import { execFile } from 'node:child_process'
import { readFile, rename, rm, writeFile, mkdir, access } from 'node:fs/promises'
import { dirname, join, posix, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { rollup } from 'rollup'

/**
 * Makes of `dist`, which the compiler has made for development, what npm packs; `--undo` puts that of development back. One CommonJS form of
 * the code, which the ESM files only hand on: so a process has one copy of it, however it is loaded. Of the types only those that a door
 * leads to.
 *
 * Runs in the package's folder, before and after `npm pack` and `npm publish`.
 */
const DIST = 'dist'
const OF_DEVELOPMENT = '.dist'
/** The code without comments, in there: what they say stands in the types and in the repository, and is a fifth of the package. */
const BARE = join(OF_DEVELOPMENT, '.bare')
const AS_BARE = { removeComments: 'true', outDir: resolve(BARE), tsBuildInfoFile: 'null' }
const SOURCES = fileURLToPath(new URL('../packages/pg-nearest', import.meta.url))
const TSC = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
const NO_TYPES = ['composite', 'incremental', 'declaration', 'declarationMap', 'sourceMap', 'isolatedDeclarations']
/** CommonJS types of pg have a default export only for those who have set `esModuleInterop`; for others all of these types would be `any`. */
const DEFAULT_OF_PG = /^import (type )?pg from 'pg'/gm
/** The compiler leaves the names of sources in types. */
const RELATIVE = /((?:from |import\(|import )['"])(\.[^'"]+)\.[jt]s(['"])/g

if (process.argv.includes('--undo')) await undo()
else await pack()

async function undo() {
  if (!(await exists(OF_DEVELOPMENT))) return
  await rm(DIST, { recursive: true, force: true })
  await rename(OF_DEVELOPMENT, DIST)
}

async function pack() {
  // It may have been cut short the last time.
  await undo()
  await rename(DIST, OF_DEVELOPMENT)
  try {
    const { exports } = JSON.parse(await readFile('package.json', 'utf8'))
    const doors = Object.values(exports).flatMap((door) => (typeof door === 'string' ? [] : [nameOf(door.import)]))
    await compileBare()
    const chunks = await bundle([...doors, 'cli/main'])
    for (const [name, names] of chunks) await writeWrapper(name, names)
    const classes = await copyTypes(doors)
    for (const name of doors) await writeTypes(name, chunks.get(name), classes)
  } catch (error) {
    await undo()
    throw error
  }
}

/** `http/express` of `./dist/http/express.js`. */
function nameOf(target) {
  return relative(DIST, target).replace(/\.js$/, '')
}

async function compileBare() {
  const options = { ...AS_BARE, ...Object.fromEntries(NO_TYPES.map((name) => [name, 'false'])) }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  await promisify(execFile)(process.execPath, [TSC, '-p', SOURCES, ...args])
}

/** Returns what each of the entries exports. */
async function bundle(names) {
  const input = Object.fromEntries(names.map((name) => [name, join(BARE, `${name}.js`)]))
  const build = await rollup({
    input,
    external: (id) => !/^[./]/.test(id),
    onwarn(warning) {
      throw new Error(warning.message)
    },
    plugins: [
      { name: 'url', resolveImportMeta: () => "require('node:url').pathToFileURL(__filename).href" },
      { name: 'tabs', renderChunk: withTabs },
    ],
  })
  const { output } = await build.write({
    dir: DIST,
    format: 'cjs',
    exports: 'named',
    // As Node does: what CommonJS exports is its default.
    interop: 'default',
    entryFileNames: '[name].cjs',
    chunkFileNames: 'shared/[name].cjs',
  })
  return new Map(output.filter((chunk) => chunk.isEntry).map((chunk) => [chunk.name, chunk.exports]))
}

/** Indents by tabs, which is a hundredth of the package, and leaves texts of several lines as they are. */
function withTabs(code) {
  const texts = textsIn(this.parse(code))
  return code.replaceAll(/^(?: {4})+/gm, (spaces, at) =>
    texts.some(({ start, end }) => start <= at && at < end) ? spaces : '\t'.repeat(spaces.length / 4),
  )
}

function textsIn(node) {
  if (node === null || typeof node !== 'object') return []
  return node.type === 'TemplateElement' ? [node] : Object.values(node).flatMap(textsIn)
}

async function writeWrapper(name, names) {
  const from = `'./${posix.basename(name)}.cjs'`
  const text = names.length === 0 ? `import ${from}\n` : `export { ${names.join(', ')} } from ${from}\n`
  await writeFile(join(DIST, `${name}.js`), text)
}

/** For CommonJS: the same types as for ESM, so that what one has made fits where the other one takes it. */
async function writeTypes(name, names, classes) {
  const file = `'./${posix.basename(name)}.js'`
  const mode = "with { 'resolution-mode': 'import' }"
  const door = `import(${file}, { with: { 'resolution-mode': 'import' } })`
  const lines = [`export type * from ${file} ${mode}`]
  for (const each of names) {
    lines.push(`export declare const ${each}: typeof ${door}.${each}`)
    if (classes.has(each)) lines.push(`export type ${each} = ${door}.${each}`)
  }
  await writeFile(join(DIST, `${name}.d.cts`), `${lines.join('\n')}\n`)
}

/** Returns the classes in them, whose names are types, too. */
async function copyTypes(doors) {
  const classes = new Set()
  const found = new Set(doors.map((name) => `${name}.d.ts`))
  for (const file of found) {
    const text = await readFile(join(OF_DEVELOPMENT, file), 'utf8')
    for (const [, , to] of text.matchAll(RELATIVE)) found.add(`${posix.join(posix.dirname(file), to)}.d.ts`)
    for (const [, name] of text.matchAll(/^export declare (?:abstract )?class (\w+)/gm)) classes.add(name)
    await mkdir(dirname(join(DIST, file)), { recursive: true })
    const packed = text.replaceAll(RELATIVE, '$1$2.js$3').replaceAll(DEFAULT_OF_PG, "import $1* as pg from 'pg'")
    await writeFile(join(DIST, file), packed.replace(/\n\/\/# sourceMappingURL=.*/, ''))
  }
  return classes
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  )
}
