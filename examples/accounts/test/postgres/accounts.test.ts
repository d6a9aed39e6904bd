import { createServer } from 'node:net'
import { createPool } from 'pg-nearest'
import type { World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createAccounts, usersPerPage } from '../../src/accounts/accounts.ts'
import { migrateDatabase } from '../../src/database/migrate-database.ts'
import { seedDatabase } from '../../src/database/seed-database.ts'
import { startServer } from '../../src/server.ts'
import { createApp } from '../../src/web/app.tsx'
import { plainSetting, regionSetting, startPlain, startThreeRegions } from './worlds.ts'
import type { Setting } from './worlds.ts'

const patience = { timeout: 10_000, interval: 20 }

describe.each([
  { where: 'one database', start: startPlain, open: plainSetting },
  {
    where: 'a replica’s region',
    start: startThreeRegions,
    open: (world: World): Setting => regionSetting(world, 'ord'),
  },
])('the app on $where', ({ start, open }) => {
  let world: World
  let setting: Setting
  let app: ReturnType<typeof createApp>

  beforeAll(async () => {
    world = await start()
    setting = open(world)
    await migrateDatabase(setting.pool)
    await seedDatabase(setting.pool, { count: 3 })
    app = createApp(setting)
    await vi.waitUntil(async () => (await page('/users')).includes('Amara Andersen'), patience)
  })

  afterAll(async () => {
    await setting?.pool.end()
    await world?.stop()
  })

  /** `Server-Timing`: where the request ran, and the one server that it asked. */
  const queried = ({ region, role }: Setting['reads']): RegExp =>
    new RegExp(
      `^pg-nearest;desc="[a-z -]+, \\d to the primary(?: next door)?";dur=[\\d.]+, ${region};desc="${role}";dur=[\\d.]+$`,
    )

  const page = async (path: string): Promise<string> => (await app.request(path)).text()

  const send = (
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    Promise.resolve(
      app.request(path, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers: { Origin: 'http://localhost', ...headers },
      }),
    )

  /** Creates one, and returns its path once it can be read here. */
  const create = async (name: string, age: string): Promise<string> => {
    const response = await send('/users', { name, age })
    const path = response.headers.get('Location') ?? ''
    expect([response.status, path]).toEqual([303, expect.stringMatching(/^\/users\/\d+$/)])
    await vi.waitFor(async () => expect((await app.request(path)).status).toBe(200), patience)
    return path
  }

  const countUsers = async (): Promise<number> => {
    const { rows } = await setting.pool.primary.query<{ count: number }>('select count(*)::integer as count from users')
    return rows[0]?.count ?? Number.NaN
  }

  it('leads from / to the users, the newest of whom comes first', async () => {
    const root = await app.request('/')
    expect([root.status, root.headers.get('Location')]).toEqual([302, '/users'])
    const html = await page('/users')
    const names = [...html.matchAll(/<a href="\/users\/\d+">([^<]+)<\/a>/g)].map(([, name]) => name)
    expect(names.slice(-3)).toEqual(['Amara Andersen', 'Akira Adeyemi', 'Ada Abe'])
  })

  it('says in which region a page was served, and where and how fast it was read', async () => {
    const { region, role } = setting.reads
    const response = await app.request('/users')
    const served = `served by ${setting.region ?? 'local'} · read from ${region} \\(${role}\\) in [\\d.]+ ms`
    expect(await response.text()).toMatch(new RegExp(`<p id="served">${served}</p>`))
    expect(response.headers.get('Server-Timing')).toMatch(queried(setting.reads))
  })

  it('says the same to programs', async () => {
    const where: unknown = await (await app.request('/where')).json()
    expect(where).toEqual({
      region: setting.region ?? 'local',
      database: setting.reads,
      ms: expect.any(Number),
    })
  })

  it('keeps the queries of simultaneous requests apart', async () => {
    const pages = await Promise.all(Array.from({ length: 12 }, async () => app.request('/users')))
    expect(pages.map((response) => response.headers.get('Server-Timing')?.split(', ').length)).toEqual(
      Array.from({ length: 12 }, () => 3),
    )
  })

  it('creates a user, shows, changes and deletes it', async () => {
    const path = await create('Ada "The Countess" <Lovelace>', ' 36 ')
    expect(await page(path)).toContain('<h1>Ada &quot;The Countess&quot; &lt;Lovelace&gt;</h1>')
    expect(await page(`${path}/edit`)).toContain('value="Ada &quot;The Countess&quot; &lt;Lovelace&gt;"')

    const changed = await send(path, { name: 'Ada Lovelace', age: '37' })
    expect([changed.status, changed.headers.get('Location')]).toEqual([303, path])
    await vi.waitFor(async () => expect(await page(path)).toMatch(/<h1>Ada Lovelace<\/h1>.*<dd>37<\/dd>/s), patience)

    expect(await page(`${path}/delete`)).toContain('Delete Ada Lovelace?')
    const deleted = await send(`${path}/delete`, {})
    expect([deleted.status, deleted.headers.get('Location')]).toEqual([303, '/users'])
    await vi.waitFor(async () => expect((await app.request(path)).status).toBe(404), patience)
  })

  it('writes on the primary', async () => {
    const response = await send('/users', { name: 'Written', age: '1' })
    expect(response.headers.get('Server-Timing')).toMatch(queried(setting.writes))
  })

  it('saves several users at once, all of them or none', async () => {
    const before = await countUsers()
    const saved = await send('/users/several', { users: 'Mary Keller, 71\r\n\r\nHopper, Grace, 85\n' })
    expect([saved.status, saved.headers.get('Location')]).toEqual([303, '/users'])
    expect(await countUsers()).toBe(before + 2)
    // A replica shows it a moment later to whoever brings no bookmark, as this test does.
    await vi.waitFor(async () => expect(await page('/users')).toContain('>Hopper, Grace</a>'), patience)
    const refused = await send('/users/several', { users: 'Ada, 36\nBob' })
    const html = await refused.text()
    expect(refused.status).toBe(422)
    expect(html).toContain('Put a comma and an age behind “Bob”.')
    expect(html).toMatch(/<textarea id="users"[^>]*>Ada, 36\nBob<\/textarea>/)
    expect(await countUsers()).toBe(before + 2)
  })

  it('notes when a user was changed', async () => {
    const accounts = createAccounts(setting.pool)
    const user = await accounts.createUser({ name: 'Grace', age: 36 })
    // The app's clock has milliseconds, and a local database is quicker than that.
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Number(user.updatedAt)), { interval: 1 })
    const changed = await accounts.updateUser(user.id, { name: 'Grace', age: 37 })
    expect(changed).toEqual({ ...user, age: 37, updatedAt: expect.any(Date) })
    expect(Number(changed?.updatedAt)).toBeGreaterThan(Number(user.updatedAt))
  })

  it.each(['/users', '/users/1'])(
    'refuses a wrong form sent to %s beside its fields, and keeps what was typed',
    async (path) => {
      const before = await countUsers()
      const response = await send(path, { name: '', age: '<36>' })
      const html = await response.text()
      expect(response.status).toBe(422)
      expect(html).toContain('<p class="error" id="name-error">Enter a name.</p>')
      expect(html).toContain('<p class="error" id="age-error">An age is a whole number, such as 36.</p>')
      expect(html).toContain('value="&lt;36&gt;"')
      expect(await countUsers()).toBe(before)
    },
  )

  it.each([
    ['GET', '/nowhere'],
    ['GET', '/users/999999'],
    ['GET', '/users/0'],
    ['GET', '/users/1x'],
    ['GET', '/users/99999999999999999999'],
    ['GET', '/users/999999/edit'],
    ['GET', '/users/999999/delete'],
    ['POST', '/users/999999'],
    ['POST', '/users/999999/delete'],
  ])('knows no %s %s', async (method, path) => {
    const response = method === 'GET' ? await app.request(path) : await send(path, { name: 'Nobody', age: '1' })
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('<h1>There is nothing here</h1>')
  })

  it.each([
    ['another site', { Origin: 'https://evil.example' }],
    ['another site, as newer browsers say it', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }],
    ['a page without an address', { Origin: 'null' }],
  ])('refuses a form of %s', async (_, headers) => {
    const before = await countUsers()
    const response = await send('/users', { name: 'Mallory', age: '1' }, headers)
    expect(response.status).toBe(403)
    expect(await response.text()).toContain('<h1>That form came from another site</h1>')
    expect(await countUsers()).toBe(before)
  })

  it('takes forms of its own pages behind a proxy that ends TLS', async () => {
    const response = await send('/users', { name: 'Behind TLS', age: '1' }, { Origin: 'https://localhost' })
    expect(response.status).toBe(303)
  })

  it('refuses a form of more than 64 kB', async () => {
    const response = await send('/users', { name: 'x'.repeat(70_000), age: '1' }, { 'Content-Length': '70013' })
    expect(response.status).toBe(413)
  })

  it('sends its pages with headers that forbid frames, and all scripts but its own', async () => {
    const policy = (await app.request('/users')).headers.get('Content-Security-Policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toMatch(/script-src 'sha256-[\w+/]{43}='(;|$)/)
    expect(policy).toContain("frame-ancestors 'none'")
  })

  it('refuses a write on the replica handle, the same everywhere', async () => {
    const write = setting.pool.replica().query("insert into users (name, age) values ('Wrong place', 1)")
    await expect(write).rejects.toMatchObject({ code: 'NEAREST_READ_ONLY_HANDLE' })
  })

  it('shows fifty users a page', async () => {
    await seedDatabase(setting.pool, { count: 120 })
    const added = await countUsers()
    await vi.waitFor(async () => expect(await page('/users?page=3')).toContain('/edit"'), patience)
    const lastPage = Math.ceil(added / usersPerPage)
    await vi.waitFor(
      async () =>
        expect((await page(`/users?page=${lastPage}`)).match(/\/edit"/g)).toHaveLength(
          added % usersPerPage || usersPerPage,
        ),
      patience,
    )
    expect((await page('/users')).match(/\/edit"/g)).toHaveLength(usersPerPage)
    expect(await page('/users?page=2')).toMatch(/rel="prev" href="\/users".*rel="next" href="\/users\?page=3"/s)
    expect(await page(`/users?page=${lastPage}`)).not.toContain('rel="next"')
    expect(await page('/users?page=9999999')).toContain('There are no users on this page.')
    expect(await page('/users?page=-1')).toContain('Page 1')
  })

  it('seeds and migrates a second time without a change', async () => {
    const before = await countUsers()
    expect(await seedDatabase(setting.pool, { count: 120 })).toBe(0)
    await migrateDatabase(setting.pool)
    expect(await countUsers()).toBe(before)
  })
})

describe('the app in three regions', () => {
  let world: World
  let settings: readonly Setting[]

  beforeAll(async () => {
    world = await startThreeRegions()
    settings = ['nrt', 'ord', 'syd'].map((region) => regionSetting(world, region))
    await migrateDatabase(regionOf('nrt').pool)
  })

  afterAll(async () => {
    await Promise.all((settings ?? []).map(({ pool }) => pool.end()))
    await world?.stop()
  })

  const regionOf = (region: string): Setting => {
    const setting = settings.find((one) => one.region === region)
    if (!setting) throw new Error(`There is no ${region}.`)
    return setting
  }

  it('shows in one region what was written in another', async () => {
    const [ord, syd] = [createApp(regionOf('ord')), createApp(regionOf('syd'))]
    const created = await ord.request('/users', {
      method: 'POST',
      body: new URLSearchParams({ name: 'From Chicago', age: '40' }),
      headers: { Origin: 'http://localhost' },
    })
    const path = created.headers.get('Location') ?? ''
    await vi.waitFor(async () => {
      const html = await (await syd.request(path)).text()
      expect(html).toContain('<h1>From Chicago</h1>')
      expect(html).toContain('served by syd · read from syd (replica)')
    }, patience)
  })

  it('shows a new user to who made it, in every region, before the replicas have it', async () => {
    const apps = { ord: createApp(regionOf('ord')), syd: createApp(regionOf('syd')) }
    const browser = new Map<string, string>()
    const request = async (region: 'ord' | 'syd', path: string, init: RequestInit = {}): Promise<Response> => {
      const cookie = [...browser].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await apps[region].request(path, { ...init, headers: { Origin: 'http://localhost', cookie } })
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        if (value === '') browser.delete(name)
        else browser.set(name, value)
      }
      return response
    }
    const save = (path: string, name: string): Promise<Response> =>
      request('ord', path, { method: 'POST', body: new URLSearchParams({ name, age: '36' }) })

    await Promise.all([world.pauseReplay('ord'), world.pauseReplay('syd')])
    try {
      const saved = await save('/users', 'Grace')
      expect(saved.status).toBe(303)
      const path = saved.headers.get('Location') ?? ''
      for (const region of ['ord', 'syd'] as const) {
        const html = await (await request(region, path)).text()
        expect(html).toContain('<h1>Grace</h1>')
        expect(html).toContain(`served by ${region} · read from nrt (primary)`)
        expect(await (await request(region, '/users')).text()).toContain('Grace')
        expect((await apps[region].request(path)).status, 'somebody else').toBe(404)
      }
      await save(path, 'Grace Hopper')
      expect(await (await request('syd', '/users')).text()).toContain('Grace Hopper')
      expect(browser.size).toBe(1)
    } finally {
      await Promise.all([world.resumeReplay('ord'), world.resumeReplay('syd')])
    }
    await vi.waitFor(async () => {
      const html = await (await request('syd', '/users')).text()
      expect(html).toContain('Grace Hopper')
      expect(html).toContain('read from syd (replica)')
      expect(browser.size).toBe(0)
    }, patience)
  })

  it('has a request run beside the primary once it is known to write several times, behind a proxy that sends it again', async () => {
    const ord = createApp(regionOf('ord'))
    const save = (headers: Record<string, string>): Promise<Response> =>
      Promise.resolve(
        ord.request('/users/several', {
          method: 'POST',
          body: new URLSearchParams({ users: 'Ada, 36\nGrace, 85' }),
          // Requests that are made without a socket do not say how long they are.
          headers: { Origin: 'http://localhost', 'Content-Length': '30', ...headers },
        }),
      )
    const answers = [await save({ 'Fly-Region': 'ord' }), await save({ 'Fly-Region': 'ord' }), await save({})]
    expect(answers.map(({ status, headers }) => [status, headers.get('fly-replay')?.split(';', 1)[0]])).toEqual([
      [303, undefined],
      [409, 'region=nrt'],
      [303, undefined],
    ])
  })

  it('says that the database is out of reach when it is, and nothing of how', async () => {
    const silence = vi.spyOn(console, 'error').mockImplementation(() => {})
    const pool = createPool({ primary: 'postgres://app:secret@127.0.0.1:1/app' })
    const server = await startServer({ pool, region: 'nrt', port: 0 })
    try {
      const healthy = await fetch(`${server.url}/health`)
      expect([healthy.status, await healthy.text()]).toEqual([200, 'ok'])
      const response = await fetch(`${server.url}/users`)
      const html = await response.text()
      expect(response.status).toBe(503)
      expect(html).toContain('<h1>The database cannot be reached</h1>')
      expect(html).not.toMatch(/secret|postgres|select|127\.0\.0\.1/i)
      expect(silence).toHaveBeenCalled()
      expect(String(silence.mock.calls)).not.toContain('secret')
    } finally {
      await server.close()
      await pool.end()
      silence.mockRestore()
    }
  })

  it('ends the requests that run when it is told to stop, and takes no new ones', async () => {
    const { pool } = regionOf('nrt')
    const server = await startServer({ ...regionOf('ord'), port: 0 })
    const blocker = await pool.primary.connect()
    await blocker.query('begin; lock table users')
    const running = fetch(`${server.url}/users`, {
      method: 'POST',
      body: new URLSearchParams({ name: 'Just in time', age: '1' }),
      headers: { Origin: server.url },
      redirect: 'manual',
    })
    await vi.waitUntil(async () => {
      const { rowCount } = await pool.primary.query("select from pg_stat_activity where wait_event_type = 'Lock'")
      return rowCount === 1
    }, patience)

    let closed = false
    const closing = server.close().then(() => (closed = true))
    await expect(fetch(`${server.url}/health`)).rejects.toThrow('fetch failed')
    expect(closed).toBe(false)
    await blocker.query('commit')
    blocker.release()
    expect((await running).status).toBe(303)
    await closing
  })

  it('does not start on a port that is taken', async () => {
    const other = createServer().listen(0, 'localhost')
    try {
      await vi.waitFor(() => expect(other.listening).toBe(true))
      const address = other.address()
      const port = typeof address === 'object' && address ? address.port : 0
      await expect(startServer({ ...regionOf('ord'), port })).rejects.toThrow('EADDRINUSE')
    } finally {
      other.close()
    }
  })
})
