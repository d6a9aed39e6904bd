import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { benchText } from '../../src/cli/bench-table.ts'
import { bytes, duration } from '../../src/terminal/format.ts'
import { remarkOnQuery } from '../../src/cli-options/check-bench-query.ts'
import type { Figures } from '../../src/cli/measure-latency.ts'
import { progressBar } from '../../src/terminal/progress-bar.ts'
import { serverOptions } from '../../src/cli-options/server-options.ts'
import { serversToAsk } from '../../src/cli-options/servers-to-ask.ts'
import { exitCodeOf } from '../../src/cli/status-command.ts'
import { statusText } from '../../src/cli/status-table.ts'
import * as usages from '../../src/cli-options/usage.ts'
import { table } from '../../src/terminal/table.ts'
import type { Terminal } from '../../src/terminal/terminal.ts'
import { wrap } from '../../src/terminal/wrap.ts'
import { parseServerList } from '../../src/server-list/parse-server-list.ts'
import { statusOf } from '../../src/servers/status.ts'
import { IN_ORD, serverState, topologyOf } from './server-state.ts'

/** No colours, and no terminal that could be too narrow. */
const PLAIN = { color: false, columns: undefined }
const QUIET: Terminal = {
  ...PLAIN,
  env: {},
  print: () => undefined,
  redraw: () => undefined,
  progress: () => undefined,
  complain: () => undefined,
  interrupted: new AbortController().signal,
}

function figures(name: string, ips: number, average: number, deviation: number, median: number, p99: number): Figures {
  return { name, ips, average, deviation, median, p99, samples: 100 }
}

describe('bench', () => {
  const five = [
    figures('ams', 3.56, 280.98, 0.3608, 219.86, 440.07),
    figures('ord', 7.23, 138.27, 0.2576, 127.82, 256.94),
    figures('nrt', 580.1, 1.72, 0.3292, 1.61, 3.23),
    figures('atl', 5.13, 194.94, 0.3201, 168.88, 339),
    figures('syd', 6.49, 154.09, 0.2989, 137.27, 277.29),
  ]

  test.each(['', '  ', ';', '-- select 1', '/* nothing */ ;'])('--query %j is no query', (query) => {
    expect(() => remarkOnQuery(query)).toThrow(/^--query has no statement in it\. /)
  })

  test.each([
    ['select 1', false],
    ["select count(*) from users where name = 'delete'", false],
    ['insert into users values (1)', true],
    ['with gone as (delete from users returning 1) select * from gone', true],
    ['begin; delete from users; commit', true],
    ['create temporary table t (n int)', true],
  ])('%j is told to change something: %s', (query, isTold) => {
    expect(remarkOnQuery(query)).toEqual(isTold ? expect.stringMatching(/^--query .* every run/) : undefined)
  })

  test('prints the article’s table from the article’s figures', () => {
    expect(benchText(five, false)).toBe(
      `
Name       ips      average    deviation       median       99th %
nrt     580.10      1.72 ms      ±32.92%      1.61 ms      3.23 ms
ord       7.23    138.27 ms      ±25.76%    127.82 ms    256.94 ms
syd       6.49    154.09 ms      ±29.89%    137.27 ms    277.29 ms
atl       5.13    194.94 ms      ±32.01%    168.88 ms    339.00 ms
ams       3.56    280.98 ms      ±36.08%    219.86 ms    440.07 ms

Comparison:
nrt    580.10
ord      7.23 - 80.24x slower +136.55 ms
syd      6.49 - 89.38x slower +152.37 ms
atl      5.13 - 113.08x slower +193.22 ms
ams      3.56 - 162.95x slower +279.26 ms`.trimStart(),
    )
  })

  test('as Markdown', () => {
    expect(benchText(five.slice(2, 3), true)).toBe(
      `
| Name | ips | average | deviation | median | 99th % |
| --- | ---: | ---: | ---: | ---: | ---: |
| nrt | 580.10 | 1.72 ms | ±32.92% | 1.61 ms | 3.23 ms |`.trimStart(),
    )
  })
})

describe('status', () => {
  const topology = topologyOf([
    serverState({
      name: 'nrt',
      region: 'nrt',
      declared: 'primary',
      role: 'primary',
      rttMs: 128.4,
      lsn: 0x3000060n,
      lagBytes: 0,
      stalenessMs: 0,
    }),
    serverState({ name: 'ord', rttMs: 0.42, lsn: 0x3000000n, lagBytes: 96, stalenessMs: 64.2 }),
    serverState({
      name: 'syd',
      region: 'syd',
      role: 'unknown',
      health: 'down',
      rttMs: undefined,
      version: undefined,
      problem: 'syd refused the connection.',
    }),
  ])

  test('prints a row for each server, where reads go, and what is wrong', () => {
    expect(statusText(statusOf(topology, IN_ORD), PLAIN)).toBe(
      `
   server  region  role     health  round trip   lag    behind  position   version
   nrt     nrt     primary  up          128 ms   0 B  ≤ 0.0 ms  0/3000060  18.4
→  ord     ord     replica  up          0.4 ms  96 B   ≤ 64 ms  0/3000000  18.4
   syd     syd     unknown  down             –     –         –  –          –

Reads from ord go to ord. Writes go to nrt.
! syd refused the connection.`.slice(1),
    )
  })

  test('on a narrow terminal, a block for each server', () => {
    const text = statusText(statusOf(topology, IN_ORD), { ...PLAIN, columns: 40 })
    const [first = '', second = ''] = text.split('\n\n')
    expect(Math.max(...`${first}\n${second}`.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40)
    expect(second).toBe(
      `
→ server      ord
  region      ord
  role        replica
  health      up
  round trip  0.4 ms
  lag         96 B
  behind      ≤ 64 ms
  position    0/3000000
  version     18.4`.slice(1),
    )
    expect(statusText(statusOf(topology, IN_ORD), { ...PLAIN, columns: 90 })).toContain('   server  region')
  })

  test('where everything is down, no arrow points at what is nowhere to go', () => {
    const text = statusText(statusOf(topologyOf([serverState({ health: 'down' })]), IN_ORD), PLAIN)
    expect(text).toContain('have nowhere to go.')
    expect(text).not.toContain('→')
  })

  test('shows where a server is that has no region', () => {
    const listed = parseServerList('postgres://app:secret@db1,[fdaa::3]:5433/app', undefined, { env: {} })
    const states = listed.map(({ name }) => serverState({ name, region: undefined }))
    const status = statusOf(topologyOf(states), IN_ORD, [], false, listed)
    expect(status.servers.map(({ address }) => address)).toEqual(['db1:5432', '[fdaa::3]:5433'])
    expect(statusText(status, PLAIN)).toMatch(/primary +db1:5432 [^]* primary#2 +\[fdaa::3\]:5433 /)
    expect(JSON.stringify(status)).not.toContain('secret')
  })

  test('reads from no server that is down', () => {
    const { servers } = statusOf(topologyOf([serverState({ declared: 'primary', health: 'down' })]), IN_ORD)
    expect(servers).toMatchObject([{ health: 'down', readFrom: false, writeTo: false }])
  })

  test('tells of a region in which no server is', () => {
    const text = (region: string): string => statusText(statusOf(topology, { ...IN_ORD, region }), PLAIN)
    expect(text('ams')).toMatch(/^Reads from ams .*No server is in ams: it reads from the nearest, by time\.$/m)
    expect(text('odr')).toMatch(/No server is in odr\. Is ord meant\?$/m)
    expect(text('ord')).not.toContain('No server is in')
  })

  test('is plain data', () => {
    expect(JSON.parse(JSON.stringify(statusOf(topology, IN_ORD)))).toMatchObject({
      region: 'ord',
      servers: [
        { name: 'nrt', lsn: '0/3000060' },
        { name: 'ord', readFrom: true },
        { problem: 'syd refused the connection.' },
      ],
    })
  })

  test.each([
    { name: 'all is well', servers: [serverState({ declared: 'primary', role: 'primary' })], code: 0 },
    { name: 'one is down', servers: [serverState({}), serverState({ name: 'syd', health: 'down' })], code: 1 },
    { name: 'all are down', servers: [serverState({ health: 'down' })], code: 3 },
    {
      name: 'two have changed places',
      servers: [
        serverState({ name: 'nrt', declared: 'primary' }),
        serverState({ role: 'primary', timeline: 2, seenInRecovery: true }),
      ],
      code: 1,
    },
    {
      name: 'the second of the hosts that are named for the primary is it',
      servers: [
        serverState({ name: 'nrt', declared: 'primary' }),
        serverState({ name: 'nrt#2', role: 'primary', candidate: true }),
      ],
      code: 0,
    },
  ])('exits with $code when $name', ({ servers, code }) => {
    expect(exitCodeOf(statusOf(topologyOf(servers), IN_ORD))).toBe(code)
  })
})

describe('where the servers are', () => {
  const url = 'postgres://app:secret@h/app?options=a=b'
  test.each([
    { name: 'a plain URL', flags: { primary: [url] }, primary: { region: undefined, url }, replicas: {} },
    { name: 'a region', flags: { primary: [`nrt=${url}`] }, primary: { region: 'nrt', url }, replicas: {} },
    {
      name: 'replicas',
      flags: { primary: [`nrt=${url}`], replica: [`ord=${url}`, 'ord=postgres://two/app', 'syd=postgres://h/app'] },
      primary: { region: 'nrt', url },
      replicas: { ord: [url, 'postgres://two/app'], syd: 'postgres://h/app' },
    },
  ])('flags: $name', async ({ flags, primary, replicas }) => {
    expect(await serverOptions(flags, {})).toEqual({ region: undefined, primary, replicas })
  })

  test('the environment, and --region over it', async () => {
    const env = { DATABASE_URL: 'postgres://h/app', PRIMARY_REGION: 'nrt', MY_REGION: 'syd' }
    expect(await serverOptions({ region: 'ord' }, env)).toMatchObject({ region: 'ord', primary: { region: 'nrt' } })
    expect(await serverOptions({}, env)).toMatchObject({ region: 'syd' })
  })

  test.each([
    ['normal', []],
    ['primary-only', ['PG_NEAREST_MODE is primary-only, for an app that has it. This is what the mode normal does.']],
    ['of', ['PG_NEAREST_MODE is no mode, so that an app that has it does not start.']],
  ])('the mode %s of an app is told, and has no effect', async (mode, told) => {
    const env: NodeJS.ProcessEnv = { DATABASE_URL: 'postgres://h/app', PG_NEAREST_MODE: mode }
    const complaints: string[] = []
    await serversToAsk({}, { ...QUIET, env, complain: (text) => void complaints.push(text) })
    expect(complaints).toEqual(told.map((text) => `pg-nearest: ${text}`))
    expect(env).not.toHaveProperty('PG_NEAREST_MODE')
  })

  test.each([
    ['abc', 'but it is "abc".'],
    ['', 'but it is "".'],
    ['postgres://app:hush@h/app', 'but it is a text that is not repeated here.'],
  ])('--cluster %j is told by its flag', async (cluster, says) => {
    const told = serverOptions({ cluster }, { DATABASE_URL: 'postgres://h/app' })
    await expect(told).rejects.toThrow(/^--cluster must be the number that "select system_identifier/)
    await expect(told).rejects.toThrow(says)
  })

  test('the cluster, for a list from either', async () => {
    const cluster = '7300000000000000000'
    for (const flags of [{ cluster, primary: ['postgres://h/app'] }, { cluster }]) {
      expect(await serverOptions(flags, { DATABASE_URL: 'postgres://h/app' })).toMatchObject({ cluster })
    }
  })

  test('a region without a URL is an error also where this process has no region', async () => {
    const env = { DATABASE_URL: 'postgres://h/app', PRIMARY_REGION: 'nrt', REPLICA_REGIONS: 'nrt,ord' }
    await expect(serverOptions({}, env)).rejects.toMatchObject({ option: 'DATABASE_URL_ORD' })
    expect(await serverOptions({}, { ...env, DATABASE_URL_ORD: 'postgres://h2/app' })).toMatchObject({
      replicas: { ord: 'postgres://h2/app' },
    })
  })

  test("on Fly without a list the machines come from its DNS; a list, or another's host, is what it is", async () => {
    const env = { DATABASE_URL: 'postgres://my-db.flycast/app', PRIMARY_REGION: 'nrt' }
    const discovers = async (more: object, flags = {}): Promise<boolean> =>
      (await serverOptions(flags, { ...env, ...more })).servers !== undefined
    expect(await discovers({})).toBe(true)
    expect(await discovers({ REPLICA_REGIONS: 'ord' })).toBe(false)
    expect(await discovers({ REPLICA_REGIONS: 'ord' }, { discover: true })).toBe(true)
    expect(await discovers({ DATABASE_URL_ORD: 'postgres://ord.example.com/app' })).toBe(false)
    expect(await discovers({ PRIMARY_REGION: '' })).toBe(false)
    expect(await discovers({ DATABASE_URL: 'postgres://db.example.com/app' })).toBe(false)
    expect(await discovers({}, { primary: ['nrt=postgres://other.internal/app'], discover: true })).toBe(true)
    expect(await discovers({}, { primary: ['nrt=postgres://other.internal/app'] })).toBe(false)
  })

  test.each([
    { name: 'nothing at all', flags: {}, says: 'give --primary' },
    { name: 'a replica alone', flags: { replica: ['ord=postgres://h'] }, says: 'needs a --primary' },
    {
      name: 'a replica without a region',
      flags: { primary: ['postgres://h'], replica: ['postgres://h'] },
      says: 'a region and a URL',
    },
    {
      name: 'a second primary',
      flags: { primary: ['nrt=postgres://h', 'ord=postgres://h2'] },
      says: 'There are several --primary',
    },
    {
      name: 'a primary that is no URL',
      flags: { primary: ['app:hush@h'] },
      says: '--primary takes a region and a URL',
    },
    {
      name: 'a replica that is no URL',
      flags: { primary: ['postgres://h'], replica: ['ord=h'] },
      says: '--replica takes',
    },
    {
      name: 'discovery beside a list',
      flags: { primary: ['nrt=postgres://h'], replica: ['ord=postgres://h2'], discover: true },
      says: 'leave --replica out',
    },
    { name: 'a file that is not there', flags: { 'env-file': '/nowhere/.env' }, says: '--env-file /nowhere/.env' },
  ])('$name is refused', async ({ flags, says }) => {
    await expect(serverOptions(flags, {})).rejects.toThrow(says)
  })
})

test.each([
  [0.04, '0.0 ms'],
  [9.94, '9.9 ms'],
  [128.4, '128 ms'],
  [3_210, '3.2 s'],
  [180_000, '3 min'],
  [7_200_000, '2 h'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_500, '1.5 kB'],
  [16_000_000, '16.0 MB'],
])('%d bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text)
})

test('help fits a terminal of 80 columns', () => {
  const lines = Object.values(usages).flatMap((text) => text.split('\n'))
  expect(lines.filter((line) => line.length > 80)).toEqual([])
  expect(lines.length).toBeGreaterThan(80)
})

test('a text is broken between its words, and set in', () => {
  const text = 'ord refused the connection: nothing listens there'
  expect(wrap(text, undefined)).toBe(text)
  expect(wrap(text, 30, 4)).toBe('ord refused the\n    connection: nothing\n    listens there')
  fc.assert(
    fc.property(fc.string(), fc.nat(60), (any, width) => {
      expect(wrap(any, width).replaceAll('\n', ' ')).toBe(any.replaceAll('\n', ' '))
    }),
  )
})

test('colours do not count as width', () => {
  const text = table([{ name: 'a', align: 'left' }, { name: 'b' }], [['\u001b[32mup\u001b[39m', '1']])
  expect(text).toBe('a   b\n\u001b[32mup\u001b[39m  1')
})

test.each([
  [0, '[░░░░░░░░░░░░░░░░░░░░░░░░]   0 % ord'],
  [0.5, '[████████████░░░░░░░░░░░░]  50 % ord'],
  [2, '[████████████████████████] 100 % ord'],
])('progress %d', (share, text) => {
  expect(progressBar(share, 'ord')).toBe(text)
})
