import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { appEnvironment } from '../../src/app/app-environment.ts'
import { linePrefixer } from '../../src/app/line-prefixer.ts'
import { restartDelay } from '../../src/app/restart-delay.ts'
import { startAppProcess, type AppProcess } from '../../src/app/app-process.ts'
import { gone } from '../../src/cluster/process-tree.ts'
import { watchFolder } from '../../src/app/watch-folder.ts'

const running: AppProcess[] = []
afterEach(() => Promise.all(running.splice(0).map((app) => app.stop())))

function start(command: string, graceMs = 3_000): { app: AppProcess; sees: (pattern: RegExp) => Promise<string> } {
  let seen = ''
  const print = (line: string): void => void (seen += `${line}\n`)
  const app = startAppProcess({
    command,
    folder: tmpdir(),
    environment: { GREETING: 'hello' },
    prefix: 'ord | ',
    graceMs,
    print,
  })
  running.push(app)
  const sees = async (pattern: RegExp): Promise<string> => {
    for (let tries = 0; tries < 500; tries++) {
      const found = pattern.exec(seen)
      if (found !== null) return found[1] ?? found[0]
      await sleep(10)
    }
    throw new Error(`never saw ${String(pattern)} in:\n${seen}`)
  }
  return { app, sees }
}

test('pieces become lines with a prefix', () => {
  const lines: string[] = []
  const { write, end } = linePrefixer('ord | ', (line) => lines.push(line))
  for (const piece of ['a', 'b\nc', '\r\n', '\nlast']) write(piece)
  expect(lines).toEqual(['ord | ab', 'ord | c', 'ord | '])
  end()
  end()
  expect(lines.at(-1)).toBe('ord | last')
  expect(lines).toHaveLength(4)
})

test.each([
  [0, 10, 200],
  [200, 10, 400],
  [8_000, 10, 10_000],
  [10_000, 60_000, 200],
])('after a delay of %d ms and a life of %d ms: %d ms', (last, ran, next) => {
  expect(restartDelay(last, ran)).toBe(next)
})

test('what ends is started again, with its variables, and its output has the prefix', async () => {
  const { sees } = start('echo $GREETING; echo oops >&2; exit 3')
  await sees(/^ord \| hello$/m)
  await sees(/^ord \| oops$/m)
  await sees(/^ord \| ended with code 3; again in 200 ms$/m)
  await sees(/again in 400 ms/)
})

test('what it has started ends with it, even if it does not listen', async () => {
  const { app, sees } = start('sh -c "trap \'\' TERM; echo child $$; sleep 60" & echo shell $$; wait', 200)
  const [child, shell] = [await sees(/child (\d+)/), await sees(/shell (\d+)/)]
  await app.stop()
  expect(await gone([child, shell].map(Number), 0)).toBe(true)
})

test('a shell that ends before what it has started does not cut that short', async () => {
  const child = `process.on('SIGTERM', () => setTimeout(() => { console.log('closed'); process.exit() }, 300)); console.log('up'); setInterval(String, 1000)`
  const { app, sees } = start(`"${process.execPath}" -e "${child}" & wait`)
  await sees(/up/)
  await app.stop()
  await sees(/closed/)
})

test('it starts anew when asked, at once', async () => {
  const { app, sees } = start('echo first $$; exec sleep 60')
  const first = await sees(/first (\d+)/)
  await app.restart()
  await sees(new RegExp(`first (?!${first})\\d+`))
  expect(await gone([Number(first)], 0)).toBe(true)
})

test('a folder tells of its files, and not of packages or what begins with a dot', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pg-nearest-watch-'))
  const changed: string[] = []
  try {
    for (const name of ['node_modules/a', '.git', 'src']) await mkdir(join(folder, name), { recursive: true })
    const unwatch = watchFolder(folder, (file) => changed.push(file))
    // The watcher of Node 20 on Linux looks for subfolders first.
    await sleep(200)
    for (const name of ['node_modules/a/x.js', '.git/index', '.env']) await writeFile(join(folder, name), '1')
    await sleep(300)
    expect(changed).toEqual([])
    for (const text of ['1', '2', '3']) await writeFile(join(folder, 'src/main.js'), text)
    for (let tries = 0; tries < 300 && changed.length === 0; tries++) await sleep(10)
    expect(changed).toEqual(['src/main.js'])
    unwatch()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the variables of an app on Fly', () => {
  const pool = {
    region: 'ord',
    primary: { region: 'nrt', url: 'postgres://nrt' },
    replicas: { 'us-east': 'postgres://us' },
  }
  expect(appEnvironment({ app: 'shop', id: 'a1', port: 8080, pool })).toEqual({
    MY_REGION: 'ord',
    PRIMARY_REGION: 'nrt',
    DATABASE_URL: 'postgres://nrt',
    REPLICA_REGIONS: 'us-east',
    DATABASE_URL_US_EAST: 'postgres://us',
    PORT: '8080',
    FLY_REGION: 'ord',
    FLY_APP_NAME: 'shop',
    FLY_MACHINE_ID: 'a1',
    FLY_ALLOC_ID: 'a1',
    FLY_PROCESS_GROUP: 'app',
    FLY_PRIVATE_IP: '127.0.0.1',
  })
})
