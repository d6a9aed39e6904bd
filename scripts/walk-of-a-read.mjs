import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const HEAD =
  /^(?:export )?(?:async )?function (?<function>\w+)\(.*\) \{$|^ +(?:static |async )*(?<method>(?:get |set )?#?(?!(?:if|for|while|switch|catch)\b)\w+)\(.*\) \{$/gm

const { startWorld } = await load(join(root, 'packages/pg-nearest-world/dist/index.js'))
const traced = await mkdtemp(join(root, 'node_modules/.walk-of-a-read-'))
const world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
try {
  await trace(join(root, 'packages/pg-nearest/dist'), traced)
  const { createPool } = await load(join(traced, 'index.js'))
  const calls = await callsOfARead(createPool)
  for (const { file, name, from } of calls) console.log(`${from} -> ${file} ${name}`)
} finally {
  await rm(traced, { recursive: true, force: true })
  await world.stop()
}

function load(path) {
  return import(pathToFileURL(path).href)
}

/** A copy of the build in which each function tells when it is entered. */
async function trace(from, to) {
  await cp(from, to, { recursive: true })
  for (const path of await readdir(to, { recursive: true })) {
    if (!path.endsWith('.js')) continue
    const code = await readFile(join(to, path), 'utf8')
    await writeFile(
      join(to, path),
      code.replaceAll(HEAD, (head, ...rest) => {
        const { function: f, method } = rest.at(-1)
        return `${head} globalThis.onEnter?.('${path.replace('.js', '')}', '${f ?? method}');`
      }),
    )
  }
}

async function callsOfARead(createPool) {
  // No probe comes in between.
  const pool = createPool({ ...world.poolOptions('ord'), probeIntervalMs: 600_000 })
  try {
    await pool.refresh()
    await pool.refresh()
    for (let i = 0; i < 5; i++) await pool.query('select 1')
    const calls = []
    globalThis.onEnter = (file, name) => calls.push({ file, name, from: callerOf(new Error()) })
    await pool.query('select 1')
    globalThis.onEnter = undefined
    return calls
  } finally {
    await pool.end()
  }
}

/** Of the two frames on top one is ours, the next one is the function's. */
function callerOf({ stack }) {
  const frames = stack.split('\n').slice(3)
  const frame = frames.find((line) => line.includes(traced))
  return frame === undefined ? '' : /([\w-]+\/[\w-]+|index)\.js/.exec(frame.slice(frame.indexOf(traced) + traced.length))?.[1]
}
