import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { copyOf, isIgnored, matchesOf, stagesIn, type Copy, type Stage } from '../deploy/dockerfile.ts'
import { faultsOf, isRegion } from '../deploy/fly-reference.ts'

const app = fileURLToPath(new URL('../..', import.meta.url))
const root = join(app, '../..')
const read = (path: string): string => readFileSync(join(app, path), 'utf8')

interface Config {
  readonly primary_region: string
  readonly kill_signal: string
  readonly kill_timeout: number
  readonly build: { readonly dockerfile: string; readonly ignorefile: string }
  readonly deploy: { readonly release_command: string }
  readonly env: Readonly<Record<string, string>>
  readonly http_service: { readonly internal_port: number; readonly checks: readonly { readonly path: string }[] }
}
const config = parse(read('fly.toml')) as unknown as Config
const manifest = JSON.parse(read('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

describe('fly.toml', () => {
  test('has only what Fly’s reference names', () => {
    expect(faultsOf(config)).toEqual([])
  })

  test.each([
    ['primary_regoin = "nrt"', 'the reference does not name primary_regoin'],
    ['primary_region = "atl"', 'primary_region cannot be "atl"'],
    ['kill_timeout = "15s"', 'kill_timeout cannot be "15s"'],
    ['kill_timeout = 301', 'kill_timeout cannot be 301'],
    ['[http_service]\nauto_stop_machines = true', 'http_service.auto_stop_machines cannot be true'],
    ['[[http_service.checks]]\npath = "health"', 'http_service.checks[].path cannot be "health"'],
    ['[env]\nPORT = 8080', 'env.PORT is no string'],
    ['[env]\nFLY_REGION = "nrt"', "env.FLY_REGION is a name of Fly's"],
    ['[deploy]\nrelease_comand = "x"', 'the reference does not name deploy.release_comand'],
    ['[[vm]]\nmemory = "lots"', 'vm[].memory cannot be "lots"'],
    ['[web]\nport = 1', 'the reference does not name web'],
  ])('a mistake is seen: %s', (text, fault) => {
    expect(faultsOf(parse(text))).toEqual([fault])
  })

  test('its regions are Fly’s, and the primary’s is not among the replicas’', () => {
    const replicas = config.env['REPLICA_REGIONS']?.split(',') ?? []
    expect(replicas.length).toBeGreaterThan(0)
    expect(replicas.every(isRegion)).toBe(true)
    expect(replicas).not.toContain(config.primary_region)
  })

  test('leads to files, ports and paths that are there', () => {
    expect(existsSync(join(app, config.build.dockerfile))).toBe(true)
    expect(existsSync(join(app, config.build.ignorefile))).toBe(true)
    expect(config.http_service.internal_port).toBe(Number(config.env['PORT']))
    expect(read('src/web/app.tsx')).toContain(`'${config.http_service.checks[0]?.path}'`)
  })

  test('leaves the app more time to stop than it takes', () => {
    expect(config.kill_signal).toBe('SIGTERM')
    expect(read('src/main.ts')).toContain(`process.once('${config.kill_signal}'`)
    const [, ms] = /closeAllConnections\(\), ([\d_]+)\)/.exec(read('src/server.ts')) ?? []
    expect(Number(ms?.replace('_', ''))).toBeGreaterThan(0)
    expect(config.kill_timeout * 1_000).toBeGreaterThan(Number(ms?.replace('_', '')))
  })

  test('its release command migrates, and waits for every region, within five minutes', () => {
    expect(config.deploy.release_command).toBe('npm run release')
    const [, script, seconds] =
      /^node dist\/(.+)\.js && pg-nearest wait --timeout (\d+)$/.exec(manifest.scripts['release'] ?? '') ?? []
    expect(existsSync(join(app, `src/${script}.ts`))).toBe(true)
    expect(Number(seconds)).toBeLessThan(300)
  })
})

describe('the Dockerfile', () => {
  const stages = stagesIn(read('Dockerfile'))
  const ignore = read('Dockerfile.dockerignore')
  const copiesOf = ({ steps }: Stage): Copy[] =>
    steps.filter(({ instruction }) => instruction === 'COPY').map((step) => copyOf(step))

  test('copies what is there, from the folder or from a stage before', () => {
    for (const [i, stage] of stages.entries()) {
      const before = stages.slice(0, i).map(({ name }) => name)
      for (const { from, sources } of copiesOf(stage)) {
        if (from !== undefined) expect(before).toContain(from)
        for (const source of from === undefined ? sources : []) {
          const found = matchesOf(root, source)
          expect([source, found.filter((path) => !isIgnored(path, ignore))]).toEqual([source, found])
          expect([source, found]).not.toEqual([source, []])
        }
      }
    }
  })

  test('has every package’s manifest before npm ci, and the program that the release command runs', () => {
    const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] }
    const first = stages
      .slice(0, 1)
      .flatMap(copiesOf)
      .flatMap(({ sources }) => sources)
    for (const workspace of workspaces) expect(first).toContain(`${workspace}/package.json`)
    expect(first).toContain('packages/pg-nearest/bin')
  })

  test('leaves secrets, builds and tests out', () => {
    for (const path of [
      '.env',
      'examples/accounts/.env.local',
      'examples/accounts/dist/main.js',
      'packages/pg-nearest/test/a.ts',
      'node_modules/pg/package.json',
    ]) {
      expect([path, isIgnored(path, ignore)]).toEqual([path, true])
    }
  })

  test('runs the app as it is, so that signals reach it, and not as root', () => {
    const last = stages.at(-1)?.steps ?? []
    const text = (name: string): string | undefined => last.findLast(({ instruction }) => instruction === name)?.text
    expect(text('USER')).toBe('node')
    expect(JSON.parse(text('CMD') ?? '')).toEqual(['node', '--enable-source-maps', 'dist/main.js'])
    expect(text('EXPOSE')).toBe(config.env['PORT'])
  })
})
