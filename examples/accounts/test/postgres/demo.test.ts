import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { runDemo } from '../../src/demo/demo.ts'

const program = fileURLToPath(new URL('../../dist/demo/main.js', import.meta.url))

interface Figures {
  readonly fromOneRegion: { readonly figures: { name: string; median: number }[] }
  readonly fromEveryRegion: {
    region: string
    readFrom: string
    role: string
    median: number
    local: number
    primary: number
  }[]
  readonly throughTheEdge: { region: string; one: Sent; several: Sent; again: Sent }[]
}

interface Sent {
  readonly ms: number
  readonly way: string
  readonly trips: number
}

test('one ocean table, one without an ocean, and one of writes, from five regions', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--once', '--json', '--time', '0.6'], {
    timeout: 55_000,
  })
  const { fromOneRegion, fromEveryRegion, throughTheEdge }: Figures = JSON.parse(stdout)

  const far = { ord: 128, syd: 137, atl: 169, ams: 220 }
  const median = (name: string): number => fromOneRegion.figures.find((each) => each.name === name)?.median ?? 0
  expect(median('nrt')).toBeLessThan(10)
  for (const [region, ms] of Object.entries(far)) {
    expect({ region, ms: median(region) }).toSatisfy((row: { ms: number }) => row.ms >= ms && row.ms < ms * 1.05 + 8)
  }

  expect(fromEveryRegion.map(({ region, readFrom, role }) => `${region} ${readFrom} ${role}`)).toEqual([
    'nrt nrt primary',
    'ord ord replica',
    'syd syd replica',
    'atl atl replica',
    'ams ams replica',
  ])
  expect(fromEveryRegion.filter(({ median: ours, local }) => ours - local >= 2)).toEqual([])

  const sent = ({ way, trips }: Sent): string => `${trips} ${way}`
  expect(throughTheEdge.map(({ one, several, again }) => [one, several, again].map(sent))).toEqual(
    Object.keys(far).map(() => ['1 direct', '6 direct', '6 replayed']),
  )
  for (const { region, one, several, again } of throughTheEdge) {
    const ms = far[region as keyof typeof far]
    expect(Math.min(one.ms, again.ms)).toBeGreaterThanOrEqual(ms)
    expect(several.ms).toBeGreaterThanOrEqual(6 * ms)
    expect(again.ms).toBeLessThan(several.ms)
  }
})

test('Ctrl-C in the middle of the measurements ends it without a complaint', async () => {
  const demo = spawn(process.execPath, [program, '--once'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let complaints = ''
  demo.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  demo.stdout.on('data', (chunk: Buffer) => {
    if (output.includes('1. The same query')) return
    output += chunk.toString()
    if (output.includes('1. The same query')) demo.kill('SIGINT')
  })
  const [code] = await once(demo, 'close')
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' })
})

test('an interruption while it boots is not forgotten', async () => {
  await expect(runDemo({ once: false, json: true, help: false, seconds: 60 }, AbortSignal.abort())).resolves.toBe(
    undefined,
  )
})

test('--help, and what cannot be understood', async () => {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [program, '--help'])
  expect(stdout).toContain('--once')
  await expect(run(process.execPath, [program, '--nonsense'])).rejects.toMatchObject({ code: 2 })
  await expect(run(process.execPath, [program, '--time', 'long'])).rejects.toMatchObject({ code: 2 })
})
