import { execFile, spawn, type ChildProcess, type ExecFileOptions } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, openBrowser } from '../../../../packages/pg-nearest-world/test/browser/open-browser.ts'
import { packPackages } from '../../../../packages/pg-nearest/test/long/pack-packages.ts'

const execute = promisify(execFile)
/** With all that it has printed, if it fails. */
const run = (program: string, argv: readonly string[], options: ExecFileOptions = {}): Promise<{ stdout: string }> =>
  execute(program, argv, { ...options, encoding: 'utf8' }).catch((error: Error & { stdout?: string }) => {
    throw new Error(`${error.message}\n${error.stdout}`, { cause: error })
  })
const example = fileURLToPath(new URL('../..', import.meta.url))
const world = fileURLToPath(new URL('../../../../packages/pg-nearest-world/dist/cli/main.js', import.meta.url))
const quickly = ['--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-timeout=20000']

const isReachable = await run('npm', ['view', 'next', 'version', ...quickly]).then(
  () => true,
  () => false,
)
if (!isReachable)
  console.warn('No registry of npm, from which Next.js could be installed, so its example is not tested.')

describe.skipIf(!isReachable)('the example of Next.js, with the packed library, in three regions', () => {
  let folder = ''
  let child: ChildProcess | undefined
  let output = ''
  let appUrl = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pg-nearest-next-'))
    await cp(example, folder, { recursive: true, filter: (path) => !/\/(?:node_modules|\.next|test)$/.test(path) })
    const packed = await packPackages(['pg-nearest'], folder)
    await run('npm', ['install', ...quickly, ...packed], { cwd: folder })
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' as const }
    // Without a database, as on a platform that builds images. It checks the types, too.
    await run('npm', ['run', 'build'], { cwd: folder, env: { ...env, DATABASE_URL: undefined } })
    child = spawn(process.execPath, [world, '--app', 'npm start', '--rtt', '40', '--json'], { cwd: folder, env })
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (piece: string) => (output += piece))
    const json = await until(() => /^\{.*\}$/m.exec(output)?.[0])
    appUrl = (JSON.parse(json) as { appUrl: string }).appUrl
    for (const region of ['nrt', 'ord', 'syd'])
      await until(async () => ((await page(region)).includes(`served by ${region}`) ? true : undefined))
  }, 300_000)
  afterAll(async () => {
    const ended = child && new Promise((resolve) => child?.once('exit', resolve))
    child?.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }, 60_000)

  async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (let tries = 0; tries < 3_000; tries++) {
      const found = await Promise.resolve(look()).catch(() => undefined)
      if (found !== undefined) return found
      await sleep(20)
    }
    throw new Error(`it never came true; seen so far:\n${output}`)
  }

  const from = (region: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${appUrl}${path}?edge-region=${region}`, { redirect: 'manual', ...init })
  /** As text: React puts comments between its pieces. */
  const page = async (region: string, cookie = ''): Promise<string> =>
    (await (await from(region, '/', { headers: { cookie } })).text()).replaceAll(/<!--.*?-->/g, '')
  const type = (command: string): unknown => child?.stdin?.write(`${command}\n`)

  interface Notes {
    readonly notes: readonly { readonly text: string; readonly written_in: string }[]
    readonly readFrom: string
  }
  const notes = async (region: string, cookie = ''): Promise<Notes> =>
    (await from(region, '/api/notes', { headers: { cookie } })).json() as Promise<Notes>

  const cookieOf = (response: Response): string =>
    response.headers
      .getSetCookie()
      .filter((each) => each.startsWith('pg-nearest.'))
      .map((each) => each.split(';', 1)[0])
      .join('; ')
  const pause = async (): Promise<void> => {
    output = ''
    type('pause ord')
    await until(() => /ord receives, but shows nothing new/.exec(output))
  }
  /** From the primary, or from Sydney's replica as soon as that is known to show it. */
  const ELSEWHERE = /^(?:nrt|syd)$/

  test('a page and a route show in one region what a route has written in another, through the cookie', async () => {
    await pause()
    const saved = await from('syd', '/api/notes', { method: 'POST', body: 'Written in Sydney' })
    expect(saved.status).toBe(201)
    const cookie = cookieOf(saved)

    expect(await notes('ord', cookie)).toMatchObject({
      notes: [{ text: 'Written in Sydney', written_in: 'syd' }],
      readFrom: expect.stringMatching(ELSEWHERE) as string,
    })
    expect(await notes('ord'), 'somebody else').toEqual({ notes: [], readFrom: 'ord' })
    const seen = await page('ord', cookie)
    expect(seen).toContain('Written in Sydney')
    expect(seen).toMatch(/served by ord, read from (?:nrt|syd)/)

    type('resume ord')
    await until(async () => {
      const { notes: arrived, readFrom } = await notes('ord', cookie)
      return arrived.length === 1 && readFrom === 'ord' ? true : undefined
    })
    expect(await page('ord', cookie)).toContain('served by ord, read from ord')
  })

  test('the page that answers a server action shows what it wrote, and so do later ones', async () => {
    await pause()
    const body = new FormData()
    const hidden = /<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?/g
    for (const [, name = '', value = ''] of (await page('ord')).matchAll(hidden)) body.set(name, value)
    body.set('text', 'By an action')
    const answer = await from('ord', '/', { method: 'POST', body })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('By an action')
    expect(answer.headers.getSetCookie().filter((each) => each.startsWith('pg-nearest.'))).toHaveLength(1)
    expect(await page('ord', cookieOf(answer))).toContain('By an action')
    expect(await page('ord'), 'somebody else').not.toContain('By an action')
    type('resume ord')
  })

  test.skipIf(!hasBrowser)(
    'a browser sees its own note after an action, after a reload, and in another region',
    async () => {
      const browser = await openBrowser()
      try {
        const person = await browser.newContext()
        const tab = await person.newPage()
        await pause()
        await tab.goto(`${appUrl}/?edge-region=ord`)
        await tab.getByLabel('New note').fill('By a browser')
        await tab.getByRole('button', { name: 'Save' }).click()
        const note = tab.getByText('By a browser')
        await note.waitFor()
        expect(await tab.locator('#served').textContent()).toMatch(/served by ord, read from (?:nrt|syd)/)
        await tab.reload()
        expect(await note.count()).toBe(1)
        await tab.goto(`${appUrl}/?edge-region=syd`)
        expect(await note.count()).toBe(1)
        const stranger = await (await browser.newContext()).newPage()
        await stranger.goto(`${appUrl}/?edge-region=ord`)
        expect(await stranger.getByText('By a browser').count(), 'somebody else').toBe(0)
      } finally {
        type('resume ord')
        await browser.close()
      }
    },
  )

  test('refuses what is no note', async () => {
    expect((await from('syd', '/api/notes', { method: 'POST', body: ' ' })).status).toBe(422)
  })
})
