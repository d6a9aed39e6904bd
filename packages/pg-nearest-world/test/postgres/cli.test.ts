import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterEach, beforeAll, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const running = new Set<ChildProcess>()

beforeAll(() => {
  if (!existsSync(program)) throw new Error('The command is not built. Run: npm run build')
})

afterEach(async () => {
  for (const child of running) child.kill('SIGTERM')
  await Promise.all([...running].map((child) => exit(child)))
})

const exit = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once('exit', resolve))

interface Session {
  readonly child: ChildProcess
  readonly say: (line: string) => void
  /** Resolves with all output once it matches. */
  readonly sees: (pattern: RegExp) => Promise<string>
  readonly output: () => string
}

function open(...argv: string[]): Session {
  const child = spawn(process.execPath, [program, ...argv], { stdio: ['pipe', 'pipe', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let seen = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (seen += chunk))
  }
  const sees = async (pattern: RegExp, deadline = Date.now() + 40_000): Promise<string> => {
    if (pattern.test(seen)) return seen
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`never saw ${String(pattern)} in:\n${seen}`)
    await sleep(10)
    return sees(pattern, deadline)
  }
  return { child, say: (line) => child.stdin.write(`${line}\n`), sees, output: () => seen }
}

async function run(...argv: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [code, stdout, stderr] = await Promise.all([exit(child), text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

async function ask<T>(url: string, statement: string): Promise<T | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ value: T }>(statement)
    return rows[0]?.value
  } finally {
    await client.end()
  }
}

async function until(condition: () => Promise<boolean>, tries = 500): Promise<void> {
  if (await condition()) return
  if (tries === 0) throw new Error('it never came true')
  await sleep(10)
  await until(condition, tries - 1)
}

/** `DATABASE_URL_ORD` and the like from the first block that has it. */
function variable(output: string, name: string): string {
  const value = new RegExp(`^${name}='?([^'\\n]+)`, 'm').exec(output)?.[1]
  if (value === undefined) throw new Error(`no ${name} in:\n${output}`)
  return value
}

test('help and version need no world', async () => {
  const help = await run('--help')
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toContain('Usage: pg-nearest-world --primary')
  expect(await run('--version')).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/), stderr: '' })
})

test.each([
  [['--primry', 'nrt'], 2, 'There is no option --primry. Did you mean --primary?'],
  [[], 2, '--primary is missing'],
  [['--primary', 'atlantis', '--replicas', 'ord'], 2, 'atlantis'],
  [['--primary', 'nrt', '--replicas', 'nrt'], 2, 'nrt'],
  [['--primary', 'ntr'], 2, '"ntr" is not known'],
  [['--primary', 'nrt', '--binaries', '/nowhere'], 1, '/nowhere'],
])('%j ends with %d and one line', async (argv, code, message) => {
  const ended = await run(...argv)
  expect(ended).toMatchObject({ code, stdout: '' })
  expect(ended.stderr).toMatch(/^pg-nearest-world: [^\n]*\n$/)
  expect(ended.stderr).toContain(message)
})

test('a world lives, obeys, and goes', async () => {
  const { child, say, sees } = open('--primary', 'nrt', '--replicas', 'ord', '--region', 'ord', '--rtt', '40')
  const ready = await sees(/^DATABASE_URL_ORD=.*$/m)
  const [primary, replica] = [variable(ready, 'DATABASE_URL'), variable(ready, 'DATABASE_URL_ORD')]
  expect(variable(ready, 'MY_REGION')).toBe('ord')
  expect(await ask<boolean>(primary, 'select pg_is_in_recovery() as value')).toBe(false)
  expect(await ask<boolean>(replica, 'select pg_is_in_recovery() as value')).toBe(true)

  // The app's role is an ordinary one, and the superuser's URL is shown on demand.
  const isSuper = 'select rolsuper as value from pg_roles where rolname = current_user'
  expect(await ask<boolean>(primary, isSuper)).toBe(false)
  say('superuser')
  const shown = await sees(/postgres:\/\/postgres:/)
  expect(await ask<boolean>(/postgres:\/\/postgres:\S+/.exec(shown)?.[0] ?? '', isSuper)).toBe(true)

  // Replay runs that far behind, no less, and at once again at 0.
  await ask(primary, 'create table seen (n int)')
  await until(async () => (await ask<string>(replica, `select to_regclass('seen')::text as value`)) === 'seen')
  say('lag ord 1s')
  await sees(/ord shows each commit 1 s after/)
  const count = (): Promise<number | undefined> => ask<number>(replica, 'select count(*)::int as value from seen')
  await ask(primary, 'insert into seen values (1)')
  const written = Date.now()
  await until(async () => (await count()) === 1)
  expect(Date.now() - written).toBeGreaterThan(850)
  say('lag ord 0')
  await sees(/ord replays at once/)
  await ask(primary, 'insert into seen values (2)')
  const again = Date.now()
  await until(async () => (await count()) === 2)
  expect(Date.now() - again).toBeLessThan(500)

  say('pause ord')
  await sees(/ord receives, but/)
  await ask(primary, 'insert into seen values (3)')
  say('status')
  expect(await sees(/paused/)).toContain('replica')
  expect(await count()).toBe(2)
  say('resume ord')
  await until(async () => (await count()) === 3)

  // What fails says so, and ends nothing.
  say('klil ord')
  await sees(/There is no command "klil"\. Did you mean kill\?/)
  say('kill ord')
  await sees(/ord is down/)
  await expect(count()).rejects.toThrow(/ECONNREFUSED|ECONNRESET/)
  say('lag ord 1s')
  await sees(/ord did not take it; status shows whether it is up/)
  say('start ord')
  await sees(/ord is up, as a replica/)
  expect(await count()).toBe(3)

  say('rtt ord nrt 80ms')
  await sees(/ord and nrt are 80 ms apart/)
  say('add fra')
  await sees(/fra has joined: /)
  // A replica that is held back is promoted all the same.
  say('lag ord 1h')
  await sees(/ord shows each commit 1 h after/)
  say('promote ord')
  await sees(/ord is the primary now/)
  expect(await ask<boolean>(replica, 'select pg_is_in_recovery() as value')).toBe(false)

  say('quit')
  expect(await exit(child)).toBe(0)
  await expect(ask(replica, 'select 1 as value')).rejects.toThrow('ECONNREFUSED')
})

test.each(['SIGINT', 'SIGTERM'] as const)('without input it stays until %s, and says that it stops', async (signal) => {
  const { child, sees, output } = open('--primary', 'nrt', '--replicas', 'ord', '--database', 'shop', '--json')
  child.stdin?.end()
  const ready = await sees(/^\{.*\}$/m)
  const world: unknown = JSON.parse(ready.trim())
  expect(world).toMatchObject({ primary: 'nrt', regions: [{ region: 'nrt' }, { region: 'ord', rttToPrimaryMs: 128 }] })
  const url = /"url":"([^"]+)"/.exec(ready)?.[1] ?? ''
  await sleep(300)
  expect(await ask<string>(url, 'select current_database() as value')).toBe('shop')

  child.kill(signal)
  await exit(child)
  expect(output()).toContain('Stopping the world.')
  await expect(ask(url, 'select 1 as value')).rejects.toThrow('ECONNREFUSED')
})

test('it stops when nobody reads on', async () => {
  const { child, say, sees } = open('--primary', 'nrt')
  const url = variable(await sees(/^DATABASE_URL=.*$/m), 'DATABASE_URL')
  child.stdout?.destroy()
  say('help')
  expect(await exit(child)).toBe(0)
  await expect(ask(url, 'select 1 as value')).rejects.toThrow('ECONNREFUSED')
})

test('a world that npx has started ends with it, though nobody tells it so', async () => {
  const quoted = [process.execPath, program, '--primary', 'nrt', '--json'].map((word) => `'${word}'`).join(' ')
  const env = { ...process.env, npm_command: 'exec' }
  const shell = spawn('sh', ['-c', `${quoted} < /dev/null & wait`], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(shell)
  shell.once('exit', () => running.delete(shell))
  let seen = ''
  shell.stdout.setEncoding('utf8').on('data', (chunk: string) => (seen += chunk))
  await until(async () => seen.includes('"url"'), 4_000)
  const ended = text(shell.stderr)
  shell.kill('SIGKILL')
  expect(await ended).toContain('Stopping the world.')
})
