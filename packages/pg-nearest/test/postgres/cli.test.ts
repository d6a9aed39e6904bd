import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { DoctorReport } from '../../src/cli/doctor-command.ts'
import { ask } from './fixtures.ts'

/** The built program, as npx would run it. */
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

let world: World
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'syd'],
    rtt: { 'nrt-ord': 40, 'nrt-syd': 60, 'ord-syd': 80 },
  })
  const { primary, replicas } = world.poolOptions('ord')
  env = {
    PATH: process.env['PATH'],
    DATABASE_URL: primary.url,
    PRIMARY_REGION: 'nrt',
    MY_REGION: 'ord',
    REPLICA_REGIONS: 'ord,syd',
    DATABASE_URL_ORD: replicas['ord'],
    DATABASE_URL_SYD: replicas['syd'],
  }
})
afterAll(() => world.stop())

interface Output {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function run(args: readonly string[], variables = env, untilText?: string): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { env: variables })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (untilText !== undefined && out.split(untilText).length > 2) child.kill('SIGINT')
    })
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
  })
}

function passwords(): string[] {
  return world.regions.map((region) => new URL(world.url(region)).password)
}

describe('pg-nearest doctor', () => {
  test('a line for each thing that was looked at', async () => {
    // As near as light allows.
    world.setRtt('nrt', 'ord', 70)
    world.setRtt('ord', 'syd', 100)
    onTestFinished(() => {
      world.setRtt('nrt', 'ord', 40)
      world.setRtt('ord', 'syd', 80)
    })
    const { code, out, err } = await run(['doctor'])
    expect(err).toBe('')
    expect(out).toMatch(/^✓ +nrt +answers within [\d.]+ ms, PostgreSQL [\d.]+$/m)
    expect(out).toMatch(/^✓ +syd +follows nrt$/m)
    expect(out).toMatch(/^✓ +Reads from ord go to ord\.$/m)
    expect(out.trimEnd().endsWith('All is well.')).toBe(true)
    expect(code).toBe(0)
  })

  test('--json; what is wrong; nobody', async () => {
    const json = await run(['doctor', '--json'])
    const { at, region, summary, checks } = JSON.parse(json.out) as DoctorReport
    expect(checks[0]).toMatchObject({ server: 'nrt', verdict: 'good' })
    expect(region).toBe('ord')
    expect(summary.good + summary.bad + summary.unknown).toBe(checks.length)
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(600_000)
    const down = 'ord=postgres://app:hush@127.0.0.1:1/app'
    const one = await run(['doctor', '--primary', `nrt=${world.url('nrt')}`, '--replica', down], {})
    expect([one.code, one.out]).toEqual([1, expect.stringMatching(/✗ +ord +refused the connection/)])
    expect(one.out).not.toContain('hush')
    expect((await run(['doctor', '--primary', down], {})).code).toBe(3)
    const misused = await run(['doctor', '--json', '--bogus'], {})
    expect([misused.code, JSON.parse(misused.out)]).toEqual([2, { error: expect.stringContaining('--bogus') }])
    expect((await run(['doctor', '--help'])).out).toContain('pg-nearest doctor')
  })
})

test('--env-file is read by all that read variables: for the servers, the region, and pg', async () => {
  const url = new URL(world.url('nrt'))
  const password = decodeURIComponent(url.password)
  url.password = ''
  const file = join(await mkdtemp(join(tmpdir(), 'pg-nearest-env-')), 'app.env')
  onTestFinished(() => rm(dirname(file), { recursive: true }))
  const lines = [`DATABASE_URL=${url.href}`, `PGPASSWORD=${password}`, 'PRIMARY_REGION=us-east-1', 'VERCEL_REGION=iad1']
  await writeFile(file, lines.join('\n'))
  const { out } = await run(['doctor', '--env-file', file], { PATH: env['PATH'] })
  expect(out).toMatch(/^✓ +Reads from us-east-1 \(by VERCEL_REGION\) go to us-east-1\.$/m)
  const flags = ['--primary', `us-east-1=${url.href}`, '--env-file', file, '--json']
  const listed = await run(['status', ...flags], { PATH: env['PATH'] })
  expect(JSON.parse(listed.out)).toMatchObject({ region: 'us-east-1', regionVariable: 'VERCEL_REGION', problems: [] })
  expect(out + listed.out).not.toContain(password)
})

describe('pg-nearest status', () => {
  test('a row for each server, and where reads go', async () => {
    const { code, out, err } = await run(['status'])
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toMatch(/^ +server +region +role +health +round trip +lag +behind +position +version$/m)
    expect(out).toMatch(/^ +nrt +nrt +primary +up +(4\d|[5-9]\d|\d{3}) ms +0 B +≤ 0\.0 ms +0\/\w+ +\d+\.\d+$/m)
    expect(out).toMatch(/^→ +ord +ord +replica +up +[\d.]+ ms +\d+ k?B +≤ \d+(\.\d)? ms +0\/\w+ +\d+\.\d+$/m)
    expect(out).toContain('Reads from ord go to ord.')
  })

  test('--json, from another region', async () => {
    const { code, out } = await run(['status', '--json', '--region', 'syd'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      region: 'syd',
      servers: [{ name: 'nrt' }, { name: 'ord' }, { name: 'syd', readFrom: true }],
    })
  })

  test('--watch goes on until Ctrl-C', async () => {
    const { code, out } = await run(['status', '--watch', '0.2', '--json'], env, '\n')
    expect(code).toBe(0)
    expect(out.trim().split('\n').length).toBeGreaterThanOrEqual(2)
  })

  test('flags instead of the environment; a server that is down, and none at all', async () => {
    const down = 'syd=postgres://app:hush-hush@127.0.0.1:9/app'
    const one = await run(['status', '--primary', `nrt=${world.url('nrt')}`, '--replica', down], {})
    expect(one.code).toBe(1)
    expect(one.out).toContain('! syd refused the connection: nothing listens on port 9 of 127.0.0.1.')
    const none = await run(['status', '--primary', down], {})
    expect(none.code).toBe(3)
    expect(one.out + one.err + none.out + none.err).not.toContain('hush-hush')
  })
})

describe('after a failover, the list from before', () => {
  let flags: string[]
  beforeAll(() => {
    flags = ['--primary', `ord=${world.url('ord')}`, '--replica', `nrt=${world.url('nrt')}`, '--region', 'ord']
  })

  test('status tells who has changed', async () => {
    const { code, out } = await run(['status', ...flags], {})
    expect(code).toBe(1)
    expect(out).toContain('! ord is a replica, and the list calls it a primary.')
    expect(out).toContain('! nrt is a primary, and the list calls it a replica.')
  })

  test('doctor mends the list', async () => {
    const { out } = await run(['doctor', ...flags], {})
    expect(out).toContain('→ --primary nrt=<that of nrt> --replica ord=<that of ord>: the two change places')
  })

  test('bench measures both', async () => {
    const { code, out, err } = await run(['bench', ...flags, '--time', '0.3', '--warmup', '0', '--json'], {})
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const { figures } = JSON.parse(out) as { figures: { name: string }[] }
    expect(figures.map(({ name }) => name)).toEqual(['nrt', 'ord'])
  })
})

describe('pg-nearest bench', () => {
  const quick = ['--time', '0.3', '--warmup', '0']

  test('the table and the comparison, the fastest first', async () => {
    const { code, out } = await run(['bench', ...quick, '--query', 'select 1 as one'])
    expect(code).toBe(0)
    const lines = out.split('\n')
    expect(lines[0]).toMatch(/^Name +ips +average +deviation +median +99th %$/)
    expect(lines.slice(1, 4).map((line) => line.slice(0, 3))).toEqual(['ord', 'nrt', 'syd'])
    expect(out).toMatch(/^nrt +\d+\.\d\d - \d+\.\d\dx slower \+\d+\.\d\d ms$/m)
  })

  test('--json holds the figures: as far as the links are', async () => {
    const { code, out, err } = await run(['bench', ...quick, '--json'])
    expect(code).toBe(0)
    expect(err, 'no progress bar where nobody looks').toBe('')
    const { figures } = JSON.parse(out) as { figures: { name: string; median: number; samples: number }[] }
    const median = (name: string): number => figures.find((each) => each.name === name)?.median ?? -1
    expect(median('ord')).toBeLessThan(median('nrt'))
    expect(median('nrt')).toBeGreaterThanOrEqual(40)
    expect(median('syd')).toBeGreaterThanOrEqual(80)
  })

  test('a region that is down fails, the others are measured', async () => {
    await world.kill('syd')
    try {
      const { code, out, err } = await run(['bench', ...quick, '--markdown'])
      expect(code).toBe(1)
      expect(err).toContain('syd: ')
      expect(out).toMatch(/^\| nrt \| /m)
    } finally {
      await world.start('syd')
    }
  })

  test('what is the same everywhere is said once', async () => {
    const nobody = (region: string): string => `${region}=postgres://app:hush@127.0.0.1:9/app`
    const { code, err } = await run(
      ['bench', ...quick, '--primary', nobody('nrt'), '--replica', nobody('ord').replace(':9', ':11')],
      {},
    )
    expect(code).toBe(3)
    expect(err.trim().split('\n')).toHaveLength(1)
    expect(err).toMatch(/^nrt, ord: No server could run the statement\./)
  })

  test('a query that fails', async () => {
    const { code, err } = await run(['bench', ...quick, '--query', 'selekt'])
    expect(code).toBe(3)
    expect(err).toContain('syntax error')
  })
})

test.each([
  { args: [], code: 2, says: 'pg-nearest status' },
  { args: ['--help'], code: 0, says: 'pg-nearest status' },
  { args: ['help'], code: 0, says: 'pg-nearest status' },
  { args: ['help', 'status'], code: 0, says: '--watch' },
  { args: ['help', 'stats'], code: 2, says: 'Did you mean status?' },
  { args: ['status', '--help'], code: 0, says: '--watch' },
  { args: ['bench', '--help'], code: 0, says: '--markdown' },
  { args: ['--version'], code: 0, says: '0.' },
  { args: ['stats'], code: 2, says: 'There is no command "stats". Did you mean status?' },
  {
    args: ['dance'],
    code: 2,
    says: 'There is no command "dance": there are status, doctor, bench, wait, report and dashboard.',
  },
  {
    args: ['status', '--nonsense'],
    code: 2,
    says: 'status has no option --nonsense. Those that there are: npx pg-nearest status --help',
  },
  { args: ['doctor', '--jsn'], code: 2, says: 'doctor has no option --jsn. Did you mean --json?' },
  {
    args: ['wait', '--primary'],
    code: 2,
    says: '--primary needs a value behind it. What it takes: npx pg-nearest wait',
  },
  { args: ['status', '--watch', '0'], code: 2, says: '--watch takes seconds' },
  { args: ['status', '--watch', 'x'], code: 2, says: '--watch takes seconds' },
  { args: ['bench', '--time', 'long'], code: 2, says: '--time takes seconds' },
  { args: ['bench', '--query', ''], code: 2, says: '--query has no statement in it' },
  { args: ['status', '--cluster', 'abc', '--primary', 'postgres://h/app'], code: 2, says: '--cluster must be' },
  {
    args: ['wait', '--bookmark', 'garbage', '--primary', 'postgres://h/app', '--replica', 'ord=postgres://g/app'],
    code: 2,
    says: '--bookmark must be a position',
  },
  { args: ['status', '--primary', 'nrt=postgres://a:hush@[bad'], code: 2, says: 'primary' },
  { args: ['wait', '--primary', 'nrt=postgres://a:hush@h/app'], code: 2, says: 'There is no replica in the list' },
  {
    args: ['status', '--primary', 'postgres://h/app', '--primary', 'postgres://g/app'],
    code: 2,
    says: 'several --primary',
  },
  { args: ['postgres://app:hush@h/app'], code: 2, says: 'There is no command "postgres://…@h/app"' },
  {
    args: ['wait', 'postgres://app:hu@hush@h/app'],
    code: 2,
    says: 'wait has no use for "postgres://…@h/app". A server is given by',
  },
  { args: ['doctor', '--postgres://app:hush@h/app'], code: 2, says: '--postgres://…@h/app' },
])('pg-nearest $args: $code', async ({ args, code, says }) => {
  const output = await run(args, {})
  expect(output.code).toBe(code)
  expect(output.out + output.err).toContain(says)
  expect(output.out + output.err).not.toContain('hush')
})

test('ends without a word when nobody reads what it prints any more', async () => {
  const child = spawn(process.execPath, [program, 'status', '--watch', '0.1'], { env })
  let err = ''
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((done) => child.once('close', done))
  expect({ code, err }).toEqual({ code: 0, err: '' })
})

test('no password is printed', async () => {
  const outputs = [
    await run(['status']),
    await run(['status', '--json']),
    await run(['bench', '--time', '0.1', '--json']),
  ]
  const all = outputs.map(({ out, err }) => out + err).join()
  for (const password of passwords()) expect(all).not.toContain(password)
})

describe('pg-nearest wait', () => {
  test('waits for every replica, and tells who is missing', async () => {
    expect(await run(['wait', '--timeout', '10'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Every replica shows it, after \d/),
    })
    await world.pauseReplay('syd')
    await ask(world.url('nrt'), 'create table waited (n int)')
    const { code, out, err } = await run(['wait', '--timeout', '1.5', '--json'])
    expect({ code, err }).toEqual({ code: 1, err: '' })
    expect(JSON.parse(out)).toMatchObject({
      missing: [{ server: 'syd', why: expect.stringContaining('bytes behind') }],
    })
    expect((await run(['wait', '--timeout', '1.5'])).out).toMatch(
      /^Not every server showed .* syd: it is \d+ bytes behind.* npx pg-nearest doctor$/m,
    )
    expect(await run(['wait', '--timeout', '10', '--server', 'ord'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ord shows it, after/),
    })
    expect(await run(['doctor'])).toMatchObject({
      code: 1,
      out: expect.stringMatching(
        /^✗ +syd +is [\d.]+ k?B behind, and its replay is paused \(DOCTOR_PAUSED\)[^→]+→ psql .* -c 'select pg_wal_replay_resume\(\)'$/m,
      ),
    })
    await world.resumeReplay('syd')
    expect((await run(['wait', '--timeout', '10'])).code).toBe(0)
  })

  test('explains itself, and refuses what it does not understand', async () => {
    expect((await run(['wait', '--help'])).out).toContain('Exit code')
    expect(await run(['wait', '--timeout', 'long'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--timeout takes seconds'),
    })
    expect(await run(['wait', '--server', 'fra'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no server "fra"'),
    })
  })
})
