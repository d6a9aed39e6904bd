import { readFile } from 'node:fs/promises'
import { WorldError } from '../world-error.ts'
import type { World } from '../world-types.ts'
import { regionRtt } from '../geo/region-rtt.ts'
import { startWorld } from '../world.ts'
import type { PageOptions, RunningPage } from '../page/start-page.ts'
import { runApp } from '../app/run-app.ts'
import { announcement, announcementJson, appAnnouncement } from './startup-text.ts'
import { parseArguments } from './arguments.ts'
import type { Arguments } from './arguments.ts'
import { errorText } from './error-text.ts'
import { progressBar } from './progress.ts'
import { prompt } from './prompt.ts'
import { claimEnvFile } from './env-file.ts'
import { envLines } from './env-lines.ts'
import { abortOnSignal } from './abort-on-signal.ts'
import { usage } from './usage.ts'
import { UsageError } from './usage-error.ts'

/** The whole program: starts a world as the command line says, serves its prompt, stops it; resolves with the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const request = parseArguments(argv)
    if (request.kind === 'start') await live(request)
    else process.stdout.write(`${request.kind === 'help' ? usage : await version()}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`pg-nearest-world: ${errorText(error)}\n`)
    return isMisuse(error) ? 2 : 1
  }
}

type Start = Extract<Arguments, { kind: 'start' }>

const isMisuse = (error: unknown): boolean =>
  error instanceof UsageError ||
  (error instanceof WorldError && (error.code === 'WORLD_BAD_OPTION' || error.code === 'WORLD_UNKNOWN_REGION'))

async function live(request: Start): Promise<void> {
  const { primary, rtt } = request.world
  // A world of one region asks for no distance, so that a misspelt one would pass.
  if (rtt === undefined) regionRtt(primary, primary)
  const envFile = request.envFile === undefined ? undefined : await claimEnvFile(request.envFile)
  const interrupted = abortOnSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], process.stdout)
  const world = await boot(request)
  try {
    await envFile?.write(envLines(world.poolOptions(request.region ?? world.primary)))
    if (!interrupted.signal.aborted) await serve(world, request, interrupted.signal)
  } finally {
    process.stderr.write('Stopping the world.\n')
    await envFile?.remove()
    await world.stop()
    interrupted.forget()
  }
}

async function boot({ world }: Start): Promise<World> {
  const bar = progressBar(process.stderr)
  try {
    return await startWorld({ ...world, onProgress: bar.update })
  } finally {
    bar.stop()
  }
}

async function serve(world: World, request: Start, signal: AbortSignal): Promise<void> {
  const { json, region, app, page, host, envFile: path } = request
  // Nothing but the JSON object is printed on standard output.
  const output = json ? process.stderr : process.stdout
  const print = (line: string): void => void output.write(`${line}\n`)
  const running = app === undefined ? undefined : await runApp(world, { ...app, folder: process.cwd(), print })
  const shown = page ? await showPage(world, { host, app: running?.edge.url() }) : undefined
  try {
    if (json) process.stdout.write(`${announcementJson(world, region, running?.edge)}\n`)
    else print(running === undefined ? announcement(world, region) : appAnnouncement(world, running.edge))
    if (shown !== undefined) print(`\nSee it, and break it: ${shown.url}`)
    const joined = running?.addRegion ?? (() => Promise.resolve())
    const envFile = path === undefined ? undefined : { path, region: region ?? world.primary }
    const left = await prompt(world, { input: process.stdin, output, errors: process.stderr }, signal, {
      joined,
      envFile,
    })
    if (left === 'end') await aborted(signal)
  } finally {
    await shown?.close()
    await running?.stop()
  }
}

/** Loaded only where it is wanted: it brings a pool, and what it does to all servers. */
async function showPage(world: World, options: PageOptions): Promise<RunningPage> {
  const { startPage } = await import('../page/start-page.ts')
  return startPage(world, options)
}

/** A program that has closed our standard input may still use the world: it runs until a signal. */
async function aborted(signal: AbortSignal): Promise<void> {
  // A signal handler alone does not keep the process alive.
  const alive = setInterval(() => undefined, 1 << 30)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  clearInterval(alive)
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const { version: found }: { version: string } = JSON.parse(text)
  return found
}
