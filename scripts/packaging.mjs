import { execFile } from 'node:child_process'
import { access, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Looks at the published packages as npm would pack them, and uses them as their users would. */
const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
const packages = ['packages/pg-nearest', 'packages/pg-nearest-page', 'packages/pg-nearest-world']
/** What npm downloads of the library itself. */
const MOST_BYTES = 450_000
const problems = []
/** Every file of the packages, by its path in this repository. */
const packed = new Set()

const scratch = await mkdtemp(join(tmpdir(), 'pg-nearest-packaging-'))
try {
  await makeCopy()
  await tool('knip', ['--no-progress'], root)
  for (const folder of packages) await checkPackage(folder)
  for (const file of packed) if (file.endsWith('.md')) await checkLinks(file)
} finally {
  await rm(scratch, { recursive: true, force: true })
}
for (const problem of problems) console.error(`  ${problem}`)
console.log(problems.length === 0 ? '  all packages are fit to publish' : `  ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

/** Of what packs the packages, because packing changes `dist`, which others may be using. */
async function makeCopy() {
  const filter = (path) => !path.includes('/node_modules/')
  for (const folder of ['scripts', 'tsconfig.base.json', ...packages])
    await cp(join(root, folder), join(scratch, folder), { recursive: true, filter })
  await symlink(join(root, 'node_modules'), join(scratch, 'node_modules'))
}

async function checkPackage(folder) {
  const path = join(scratch, folder)
  const manifest = JSON.parse(await readFile(join(path, 'package.json'), 'utf8'))
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', scratch], path)
  const [pack] = JSON.parse(stdout)
  const files = pack.files.map((file) => file.path)
  const tarball = join(scratch, pack.filename)
  for (const file of files) packed.add(join(folder, file))

  for (const wanted of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']) {
    if (!files.includes(wanted)) problems.push(`${folder}: ${wanted} is not in the package`)
  }
  for (const file of files) {
    if (/(^|\/)test\/|\.tsbuildinfo$/.test(file)) problems.push(`${folder}: ${file} is in the package`)
  }
  await tool('publint', ['--strict', tarball], path)
  const isDual = manifest.main !== undefined
  await tool('attw', [tarball, '--profile', isDual ? 'node16' : 'esm-only', '--no-emoji'], path)
  if (isDual && pack.size > MOST_BYTES)
    problems.push(`${folder}: the package has ${pack.size} bytes, more than ${MOST_BYTES}`)
  await checkInstalled(folder, manifest, tarball)
}

/** Unpacked beside its dependencies, in a folder that knows nothing of this repository. */
async function checkInstalled(folder, manifest, tarball) {
  const app = await mkdtemp(join(scratch, 'app-'))
  const installed = join(app, 'node_modules', manifest.name)
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'], app)
  const needed = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }
  for (const name of Object.keys(needed)) await link(name, app)

  for (const [door, targets] of Object.entries(manifest.exports)) {
    for (const target of filesOf(targets)) {
      if (!(await exists(join(installed, target))))
        problems.push(`${folder}: exports ${door} names ${target}, which is not built`)
    }
    if (!filesOf(targets).some((target) => target.endsWith('.js'))) continue
    const name = join(manifest.name, door)
    await node(app, ['--input-type=module', '-e', `await import('${name}')`], `${folder}: import '${name}'`)
    await node(app, ['-e', `require('${name}')`], `${folder}: require('${name}')`)
    if (typeof targets === 'string') continue
    // One form of the code, however it is loaded.
    const same = `import('${name}').then((esm) => { const cjs = require('./${join('node_modules', manifest.name, targets.require)}'); for (const each in cjs) if (cjs[each] !== esm[each]) throw new Error(each) })`
    await node(app, ['-e', same], `${folder}: both forms of '${name}'`)
  }
  for (const [name, target] of Object.entries(manifest.bin ?? {})) {
    const text = await readFile(join(installed, target), 'utf8').catch(() => '')
    if (target.startsWith('./dist/'))
      problems.push(`${folder}: bin ${name} is a built file, which npm does not link in a fresh clone`)
    if (!text.startsWith('#!/usr/bin/env node\n')) problems.push(`${folder}: bin ${name} has no #! line`)
    await node(app, [join(installed, target), '--help'], `${folder}: ${name} --help`)
    await node(app, [join(installed, target), '--version'], `${folder}: ${name} --version`)
  }
  await checkDoors(folder, manifest, installed)
  await checkMaps(folder, installed)
}

/** Of a door: one, or one for each way to load it. */
function filesOf(targets) {
  return typeof targets === 'string' ? [targets] : Object.values(targets)
}

/** A room that has an index is a door: it must be exported, or it is none. */
async function checkDoors(folder, manifest, installed) {
  const { stdout } = await run('find', ['dist', '-name', 'index.js'], installed)
  for (const file of stdout.trim().split('\n')) {
    if (!Object.values(manifest.exports).flatMap(filesOf).includes(`./${file}`))
      problems.push(`${folder}: ${file} is built and not exported`)
  }
}

/** A debugger, and "go to definition", end in a source that is there; one that is gone tells of a stale build. */
async function checkMaps(folder, installed) {
  for (const name of await readdir(join(installed, 'dist'), { recursive: true })) {
    if (!name.endsWith('.map')) continue
    const file = join(installed, 'dist', name)
    const { sources } = JSON.parse(await readFile(file, 'utf8'))
    for (const source of sources) {
      if (!(await exists(join(dirname(file), source))))
        problems.push(`${folder}: dist/${name} names ${source}, which is not in the package: build afresh`)
    }
  }
}

/** A link leads to a packed file: of the same package, or of the one that stands beside it in `node_modules`. */
async function checkLinks(file) {
  const text = await readFile(join(root, file), 'utf8')
  for (const [, href] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(href)) continue
    const [path, anchor] = href.split('#')
    const target = path === '' ? file : join(dirname(file), path)
    if (!packed.has(target)) problems.push(`${file}: ${href} leads to a file that is in no package`)
    else if (anchor !== undefined && !(await anchorsOf(target)).includes(anchor))
      problems.push(`${file}: ${href} leads to no heading`)
  }
}

async function anchorsOf(file) {
  const text = await readFile(join(root, file), 'utf8')
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

async function link(name, app) {
  const from = join(root, 'node_modules', name)
  const to = join(app, 'node_modules', name)
  if (!(await exists(from))) return
  await mkdir(join(to, '..'), { recursive: true })
  await symlink(from, to)
}

async function node(cwd, args, what) {
  const ok = await run(process.execPath, args, cwd).then(
    () => true,
    (error) => (problems.push(`${what} fails: ${String(error.stderr || error.message).trim()}`), false),
  )
  return ok
}

async function tool(name, args, cwd) {
  try {
    await run(join(bin, name), args, cwd)
  } catch (error) {
    problems.push(`${name} ${args.filter((arg) => !arg.startsWith('/')).join(' ')}:\n${error.stdout}${error.stderr}`)
  }
}

function run(program, args, cwd) {
  return promisify(execFile)(program, args, { cwd, maxBuffer: 32_000_000, env: { ...process.env, NO_COLOR: '1' } })
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  )
}
