import type { Resolver } from 'node:dns/promises'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isOptionError } from '../../src/errors.ts'
import { currentRegion, fly } from '../../src/fly/index.ts'
import { unusedVariables } from '../../src/fly/configured-regions.ts'
import { replicaUrl } from '../../src/fly/replica-url.ts'
import { parsePoolOptions } from '../../src/options/parse-pool-options.ts'
import spec from '../../spec/fly.json' with { type: 'json' }

interface Environment {
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  readonly regions?: readonly string[]
  readonly options?: object
  readonly error?: { readonly option: string; readonly message: string }
}
const environments: readonly Environment[] = spec.environments

function refusal(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('the replica of a host', () => {
  test.each(spec.hosts)(
    '$host: $replica, by either scheme, alone and with all that may stand around it',
    ({ host, replica }) => {
      for (const scheme of ['postgres', 'postgresql']) {
        for (const [user, rest] of [
          ['u:p', '/app'],
          ['us%40er:p%2Fw%3A', '/app?sslmode=disable&options=-c%20search_path%3Dx'],
        ]) {
          const expected = replica === null ? undefined : `${scheme}://${user}@${replica}${rest}`
          expect(replicaUrl(`${scheme}://${user}@${host}${rest}`, 'ord')).toBe(expected)
        }
      }
    },
  )

  test.each(spec.urls)('$url', ({ url, replica }) => {
    expect(replicaUrl(url, 'ord')).toBe(replica ?? undefined)
  })

  test('all but host and port stays byte for byte', () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('aZ0%-_.~!$&()*+,;=')) })
    fc.assert(
      fc.property(text, text, text, (user, password, rest) => {
        const url = (host: string): string => `postgres://${user}:${password}@${host}/${rest}?application_name=${rest}`
        expect(replicaUrl(url('my-db.internal:5432'), 'ord')).toBe(url('ord.my-db.internal:5433'))
      }),
    )
  })
})

test('a URL in a region that the list leaves out is used by nobody', () => {
  const env = {
    DATABASE_URL_ORD: 'postgres://ord',
    DATABASE_URL_SYD: 'postgres://syd',
    DATABASE_URL_NRT: 'postgres://nrt',
  }
  expect(unusedVariables({ ...env, PRIMARY_REGION: 'nrt', REPLICA_REGIONS: 'ord' })).toEqual(['DATABASE_URL_SYD'])
  expect(unusedVariables(env)).toEqual([])
})

describe('an environment', () => {
  test.each(environments.filter(({ options }) => options !== undefined))('$name', ({ env, regions, options }) => {
    const made = fly({ env, regions })
    expect(made).toEqual(options)
    const { servers } = parsePoolOptions(made, {})
    const listed = servers.filter(({ declared, candidate }) => declared === 'replica' && candidate !== true)
    expect(new Set(listed.map(({ region }) => region))).toEqual(new Set(Object.keys(made.replicas ?? {})))
  })

  test.each(environments.filter(({ error }) => error !== undefined))(
    'is refused: $name',
    ({ env, regions, error: expected }) => {
      const error = refusal(() => fly({ env, regions }))
      expect(isOptionError(error)).toBe(true)
      expect(error).toMatchObject({
        option: expected?.option,
        message: expect.stringContaining(expected?.message ?? ''),
      })
      expect(inspect(error)).not.toContain('secret')
    },
  )

  test('every case says what it expects', () => {
    for (const { options, error } of environments)
      expect([options, error].filter((part) => part !== undefined)).toHaveLength(1)
  })
})

describe('adding a region is one more entry in one list', () => {
  const env = { DATABASE_URL: 'postgres://u:p@my-db.internal:5432/app', FLY_REGION: 'nrt', PRIMARY_REGION: 'nrt' }
  const added = { syd: 'postgres://u:p@syd.my-db.internal:5433/app' }

  test('in code', () => {
    const before = fly({ env, regions: ['ord'] })
    const after = fly({ env, regions: ['ord', 'syd'] })
    expect(after).toEqual({ ...before, replicas: { ...before.replicas, ...added } })
    expect(parsePoolOptions(after, {}).servers.map(({ name }) => name)).toEqual(['nrt', 'ord', 'syd'])
  })

  test('in the environment', () => {
    const before = fly({ env: { ...env, REPLICA_REGIONS: 'nrt,ord' } })
    const after = fly({ env: { ...env, REPLICA_REGIONS: 'nrt,ord,syd' } })
    expect(after).toEqual({ ...before, replicas: { ...before.replicas, ...added } })
  })

  test('for any lists, one region more is exactly one replica more', () => {
    const code = fc.stringMatching(/^[a-z]{3}$/)
    fc.assert(
      fc.property(fc.uniqueArray(code, { minLength: 1, maxLength: 8 }), (codes) => {
        const regions = codes.filter((region) => region !== 'nrt')
        fc.pre(regions.length > 0)
        const [last = ''] = regions.slice(-1)
        const { [last]: more, ...rest } = fly({ env, regions }).replicas ?? {}
        expect(more).toContain(`@${last}.my-db.internal:5433/`)
        expect(rest).toEqual(fly({ env, regions: regions.slice(0, -1) }).replicas)
      }),
    )
  })
})

describe('discover', () => {
  const env = { DATABASE_URL: 'postgres://u:p@my-db.internal:5432/app', FLY_REGION: 'ord', PRIMARY_REGION: 'nrt' }
  const resolverOf = (regions: string): Resolver =>
    ({
      resolveTxt: () => Promise.resolve([[regions]]),
      resolve6: (name: string) =>
        name.startsWith('syd')
          ? Promise.reject(Object.assign(new Error('none'), { code: 'ENODATA' }))
          : Promise.resolve(
              [1, 2].map((n) => ({ address: `fdaa::${name.slice(0, 1) === 'n' ? 'a' : 'b'}${n}`, ttl: 5 })),
            ),
    }) as unknown as Resolver

  test('lists each machine, by its region’s name and its address', async () => {
    const { servers } = fly({ env, discover: { resolver: resolverOf('nrt,ord,syd') } })
    const list = await servers?.({ primary: '' })
    expect(parsePoolOptions({ ...list, primary: list?.primary ?? '' }, {}).servers).toMatchObject([
      { name: 'nrt', declared: 'primary', address: { host: 'nrt.my-db.internal', hostaddr: 'fdaa::a1', port: 5433 } },
      { name: 'nrt#2', candidate: true, address: { hostaddr: 'fdaa::a2' } },
      { name: 'ord', declared: 'replica', address: { host: 'ord.my-db.internal', hostaddr: 'fdaa::b1', port: 5433 } },
      { name: 'ord#2', declared: 'replica', address: { hostaddr: 'fdaa::b2' } },
    ])
  })

  test('without a machine beside it the primary is found by its name', async () => {
    const { servers } = fly({ env, discover: { resolver: resolverOf('ord') } })
    expect(await servers?.({ primary: '' })).toMatchObject({ primary: { region: 'nrt', url: env.DATABASE_URL } })
  })

  test('changes nothing where this process has no region', () => {
    const { FLY_REGION: _, ...laptop } = env
    expect(
      fly({ env: { ...laptop, DATABASE_URL: 'postgres://localhost/app' }, discover: true }).servers,
    ).toBeUndefined()
  })

  test.each([
    [{ ...env, DATABASE_URL: 'postgres://u@db.example.com/app' }, true, 'discover'],
    [{ ...env, DATABASE_URL: 'postgres://u@pgbouncer.abc.flympg.net/app' }, true, 'discover'],
    [{ ...env, PRIMARY_REGION: '' }, true, 'PRIMARY_REGION'],
    [env, 'yes', 'discover'],
    [env, { resolver: {} }, 'discover'],
  ])('%j %j is refused', (own, discover, option) => {
    expect(refusal(() => fly({ env: own, discover: discover as boolean }))).toMatchObject({ option })
  })
})

describe('POOL_SIZE', () => {
  const env = { DATABASE_URL: 'postgres://localhost/app' }
  test.each([
    ['5', {}, 5],
    [' 5 ', {}, 5],
    ['5', { max: 7 }, 7],
    ['', {}, undefined],
  ])('%j with %j: %s', (size, options, max) => {
    expect(fly({ env: { ...env, POOL_SIZE: size }, ...options }).max).toBe(max)
  })
  test.each(['0', '-1', '2.5', 'ten', '1000000'])('%s is refused', (size) => {
    expect(refusal(() => fly({ env: { ...env, POOL_SIZE: size } }))).toMatchObject({ option: 'POOL_SIZE' })
  })
})

describe('options beside the environment', () => {
  const env = { DATABASE_URL: 'postgres://localhost/app' }

  test('go through', () => {
    expect(fly({ env, max: 3, probeIntervalMs: 500 })).toMatchObject({ max: 3, probeIntervalMs: 500 })
    expect(fly({ env, regions: [], max: 3 })).not.toHaveProperty('env')
    expect(fly({ env, regions: [], max: 3 })).not.toHaveProperty('regions')
  })

  test('the environment of the process is the default', () => {
    vi.stubEnv('DATABASE_URL', 'postgres://from-process/app')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(fly({ regions: [] }).primary).toMatchObject({ url: 'postgres://from-process/app' })
  })

  const wrong: readonly (readonly [options: unknown, option: string, message: RegExp])[] = [
    [{ env, region: 'ord' }, 'region', /finds region in the environment/],
    [{ env, primary: 'postgres://h/app' }, 'primary', /finds primary in the environment/],
    [{ env, replicas: {} }, 'replicas', /finds replicas in the environment/],
    [{ env, regoins: ['ord'] }, 'regoins', /Did you mean regions\?/],
    [{ env, regions: 'ord' }, 'regions', /must be a list/],
    [{ env, regions: [undefined] }, 'regions[0]', /undefined/],
    [{ env, host: 'h' }, 'host', /primary/],
    [['ord'], 'options', /a list/],
  ]
  test.each(wrong)('%j is refused', (options, option, message) => {
    const error = refusal(() => Reflect.apply(fly, undefined, [options]))
    expect(isOptionError(error)).toBe(true)
    expect(error).toMatchObject({ option, message: expect.stringMatching(message) })
  })
})

describe('Fly Managed Postgres', () => {
  const limits = ({ maxLifetimeSeconds, idleTimeoutMillis }: ReturnType<typeof fly>): unknown[] => [
    maxLifetimeSeconds,
    idleTimeoutMillis,
  ]
  const at = (host: string, options = {}): unknown[] =>
    limits(fly({ env: { DATABASE_URL: `postgres://u:p@${host}/app` }, ...options }))

  test.each(['direct.abc.flympg.net', 'pgbouncer.ABC.FLYMPG.net.:5432'])(
    '%s: connections end before its proxy cuts them',
    (host) => {
      expect(at(host)).toEqual([600, 300_000])
      expect(at(host, { idleTimeoutMillis: 1_000 })).toEqual([600, 1_000])
    },
  )

  test.each(['my-db.internal', 'flympg.net.example.com', 'notflympg.net'])('%s is another server', (host) => {
    expect(at(host)).toEqual([undefined, undefined])
  })
})

describe('currentRegion', () => {
  const cases: readonly (readonly [env: Readonly<Record<string, string>>, region: string | undefined])[] = [
    [{}, undefined],
    [{ FLY_REGION: '' }, undefined],
    [{ FLY_REGION: 'nrt' }, 'nrt'],
    [{ MY_REGION: 'ORD' }, 'ord'],
    [{ FLY_REGION: ' ', MY_REGION: 'ord' }, 'ord'],
    [{ FLY_REGION: 'nrt', MY_REGION: 'ord' }, 'nrt'],
  ]
  test.each(cases)('%j: %s', (env, region) => {
    expect(currentRegion(env)).toBe(region)
  })

  test('a value that is no code names its variable', () => {
    expect(refusal(() => currentRegion({ MY_REGION: 'Chicago, Illinois' }))).toMatchObject({ option: 'MY_REGION' })
  })
})
