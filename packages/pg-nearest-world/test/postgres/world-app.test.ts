import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { gone } from '../../src/cluster/process-tree.ts'

/** Somebody's app: Express and pg alone, which know nothing of regions. */
const APP = `
import express from 'express'
import pg from 'pg'
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const app = express()
app.get('/', async (_, response) => {
  const { rows } = await pool.query('select pg_is_in_recovery() as standby')
  response.json({ region: process.env.FLY_REGION, pid: process.pid, standby: rows[0].standby, greeting: 'hello' })
})
app.get('/die', () => process.exit(7))
app.listen(process.env.PORT, () => console.log('listening'))
`
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const packages = fileURLToPath(new URL('../../../../node_modules', import.meta.url))
let folder = ''
let child: ChildProcess
let output = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-nearest-app-'))
  await symlink(packages, join(folder, 'node_modules'))
  await writeFile(join(folder, 'app.mjs'), APP)
  const argv = [program, '--app', 'node app.mjs', '--watch', '--rtt', '20', '--json']
  child = spawn(process.execPath, argv, { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] })
  output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (piece: string) => (output += piece))
})
afterEach(async () => {
  child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let tries = 0; tries < 1500; tries++) {
    const found = await Promise.resolve(look()).catch(() => undefined)
    if (found !== undefined) return found
    await sleep(10)
  }
  throw new Error(`it never came true; seen so far:\n${output}`)
}

interface Answer {
  readonly region: string
  readonly pid: number
  readonly standby: boolean
  readonly greeting: string
}
const answerOf = async (url: string): Promise<Answer> => {
  const response = await fetch(url)
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as Answer
}
test('an app of Express and pg runs in three regions, comes back, follows its files, and ends', async () => {
  const json = await until(() => /^\{.*\}$/m.exec(output)?.[0])
  const { appUrl, regions } = JSON.parse(json) as { appUrl: string; regions: { region: string; appUrl: string }[] }
  /** From this copy: until it listens, another one answers. */
  const answerIn = (region: string, accept: (answer: Answer) => boolean = () => true): Promise<Answer> =>
    until(async () => {
      const answer = await answerOf(`${appUrl}?edge-region=${region}`)
      return answer.region === region && accept(answer) ? answer : undefined
    })
  const answers = await Promise.all(['nrt', 'ord', 'syd'].map((region) => answerIn(region)))
  expect(answers.map(({ standby }) => standby)).toEqual([false, false, false])
  expect(await Promise.all(regions.map(async (each) => (await answerOf(each.appUrl)).region))).toEqual([
    'nrt',
    'ord',
    'syd',
  ])
  expect(output).toMatch(/^ord \| listening$/m)

  const [, ord] = answers
  await fetch(`${appUrl}/die?edge-region=ord`)
  await until(() => /^ord \| ended with code 7; again in 200 ms$/m.exec(output))
  const back = await answerIn('ord', ({ pid }) => pid !== ord?.pid)

  const text = await readFile(join(folder, 'app.mjs'), 'utf8')
  await writeFile(join(folder, 'app.mjs'), text.replace('hello', 'good evening'))
  const changed = await answerIn('ord', ({ greeting }) => greeting === 'good evening')
  expect(await gone([back.pid], 5_000)).toBe(true)

  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(await gone([changed.pid], 0)).toBe(true)
})

test('its copies end even if the world is killed', async () => {
  const json = await until(() => /^\{.*\}$/m.exec(output)?.[0])
  const { regions } = JSON.parse(json) as { regions: { appUrl: string }[] }
  const answers = await Promise.all(regions.map((each) => until(() => answerOf(each.appUrl))))
  expect(answers).toHaveLength(3)
  child.kill('SIGKILL')
  expect(
    await gone(
      answers.map(({ pid }) => pid),
      15_000,
    ),
  ).toBe(true)
})
