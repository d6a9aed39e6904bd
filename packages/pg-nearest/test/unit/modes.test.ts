import fc from 'fast-check'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import spec from '../../spec/modes.json' with { type: 'json' }
import { isUnavailableError, OutcomeUnknownError, ReadOnlyModeError } from '../../src/errors.ts'
import { modeOf, sharesOf, type ModeLot, type ModeSetting } from '../../src/modes/mode-rollout.ts'
import { MODES, type Mode } from '../../src/modes/pool-mode.ts'
import { initialModes, parseMode, parseShares } from '../../src/modes/parse-mode.ts'
import { inMode, type Narrowing } from '../../src/route/in-mode.ts'
import { planStatement } from '../../src/route/plan-statement.ts'
import { nextShadowPlace, placedIn, SHADOW_FREE, type ShadowPlace } from '../../src/route/shadow-client-state.ts'
import { classify } from '../../src/classification/classify.ts'
import { createLearnedWrites } from '../../src/statement/learned-writes.ts'
import { surelyWrites } from '../../src/statement/surely-writes.ts'
import { parseForecast, sumOf } from '../../src/cli/parse-observe-report.ts'
import { reportCommand } from '../../src/cli/observe-report-command.ts'
import { reportText } from '../../src/cli/observe-report-text.ts'
import type { Forecast } from '../../src/engine/observe-mode-report.ts'
import { errorOf } from './error-of.ts'
import { serverState, topologyOf } from './server-state.ts'

const HANDLES = {
  pool: { target: { kind: 'nearest' }, readOnly: false },
  route: { target: { kind: 'nearest' }, readOnly: false },
  primary: { target: { kind: 'primary' }, readOnly: false },
  replica: { target: { kind: 'replica', region: undefined }, readOnly: true },
} satisfies Readonly<Record<string, Narrowing>>

const known = createLearnedWrites({ max: 100, now: () => 0 })
known.learnWrite(spec.statements['learned write'])

const engine = {
  topology: topologyOf([
    serverState({ name: 'nrt', region: 'nrt', declared: 'primary', role: 'primary', rttMs: 128 }),
    serverState({ name: 'ord', region: 'ord', declared: 'replica', role: 'replica', rttMs: 1 }),
  ]),
  chooser: { region: 'ord', load: () => 0, random: () => 0.5 },
  statements: known,
}

describe('spec/modes.json', () => {
  for (const [mode, handles] of Object.entries(spec.cases)) {
    for (const [handle, cells] of Object.entries(handles)) {
      for (const [name, expected] of Object.entries(cells)) {
        test(`${mode}, ${handle}: ${name}`, () => {
          const scope = inMode<Narrowing>(HANDLES[handle as keyof typeof HANDLES], mode as Mode)
          const route = handle === 'route' ? ('primary' as const) : undefined
          const text = spec.statements[name as keyof typeof spec.statements]
          const { attempts, refused } = planStatement(engine, scope, { config: { text }, route })
          const [first] = attempts
          const shown = `${first?.server} ${first?.reason}${scope.readOnly ? ' ro' : ''}`
          expect(refused ? 'not sent' : shown).toBe(expected)
        })
      }
    }
  }

  test('where everything runs on the primary, nobody else is tried', () => {
    for (const mode of ['primary-only', 'observe'] as const) {
      for (const handle of Object.values(HANDLES)) {
        for (const text of Object.values(spec.statements)) {
          const { attempts } = planStatement(engine, inMode<Narrowing>(handle, mode), { config: { text } })
          expect(attempts.map(({ server }) => server)).toEqual(['nrt'])
        }
      }
    }
  })

  test('what is known by its name alone is left to the server', () => {
    const scope = inMode<Narrowing>(HANDLES.pool, 'read-only')
    const config = { name: 'by-name', text: undefined as unknown as string }
    expect(planStatement(engine, scope, { config }).refused).toBe(false)
  })
})

test('only a first word that always writes keeps a statement from being sent', () => {
  const examples: readonly [text: string, surely: boolean][] = [
    ['insert into t values (1)', true],
    ['/* from /cart */ UPDATE t SET n = 1', true],
    ['-- as it came\ndelete from t', true],
    ['create temp table t (n int)', true],
    ['"insert"', false],
    ['explain insert into t values (1)', false],
    ['with a as (insert into t values (1)) select 1', false],
    ['copy t to stdout', false],
    ['set x.y = 1', false],
    ['', false],
  ]
  for (const [text, surely] of examples) expect([text, surelyWrites(text)]).toEqual([text, surely])
})

const anyLot: fc.Arbitrary<ModeLot> = fc.record({
  draw: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  route: fc.option(fc.constantFrom('GET /', 'GET /reports/:id', 'POST /cart'), { nil: undefined }),
})

describe('the mode of a session', () => {
  const settingOf = (mode: Mode, modes: object): ModeSetting => ({ mode, shares: parseShares(modes) })

  test('without shares is the mode of all', () => {
    for (const mode of MODES) expect(modeOf(settingOf(mode, {}), { draw: 0.3, route: 'GET /' })).toBe(mode)
  })

  test('is by its route first, then by its lot', () => {
    const setting = settingOf('primary-only', { observe: 0.25, normal: { share: 0.5, routes: ['GET /reports/*'] } })
    const mode = (draw: number, route?: string): Mode => modeOf(setting, { draw, route })
    expect([mode(0.2), mode(0.25), mode(0.2, 'GET /')]).toEqual(['observe', 'primary-only', 'observe'])
    expect([mode(0.2, 'GET /reports/:id'), mode(0.5, 'GET /reports/:id')]).toEqual(['normal', 'primary-only'])
  })

  test('stays when a share grows', () => {
    fc.assert(
      fc.property(
        anyLot,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (lot, a, b) => {
          const [less, more] = [
            settingOf('normal', { observe: Math.min(a, b) }),
            settingOf('normal', { observe: Math.max(a, b) }),
          ]
          if (modeOf(less, lot) === 'observe') expect(modeOf(more, lot)).toBe('observe')
        },
      ),
    )
  })

  test('is that of a share for as many as it says', () => {
    const setting = settingOf('normal', { observe: 0.1, 'read-only': 0.2 })
    const counts = new Map<Mode, number>()
    for (let i = 0; i < 1_000; i++) {
      const mode = modeOf(setting, { draw: (i + 0.5) / 1_000, route: undefined })
      counts.set(mode, (counts.get(mode) ?? 0) + 1)
    }
    expect(Object.fromEntries(counts)).toEqual({ observe: 100, 'read-only': 200, normal: 700 })
  })
})

describe('what is given for a mode', () => {
  test('is repeated when it is asked for', () => {
    const modes = { observe: 0.1, 'primary-only': { share: 1, routes: ['POST /cart*'] } }
    expect(sharesOf({ mode: 'normal', shares: parseShares(modes) })).toEqual(modes)
  })

  test('in the environment counts more than in the program, and takes all sessions', () => {
    const modes = initialModes('normal', { observe: 0.5 }, { PG_NEAREST_MODE: 'primary-only' })
    expect(modes).toEqual({ mode: 'primary-only', shares: [] })
    for (const value of ['', ' ', undefined]) {
      expect(initialModes('observe', undefined, { PG_NEAREST_MODE: value }).mode).toBe('observe')
    }
  })

  const wrong: readonly [what: () => unknown, option: string, message: string][] = [
    [() => parseMode('readonly', 'mode'), 'mode', 'but it is "readonly". Did you mean read-only?'],
    [
      () => parseMode(7, 'mode'),
      'mode',
      'mode must be one of normal, read-only, primary-only, observe, but it is a number.',
    ],
    [() => parseMode('postgres://a:b@c/d', 'mode'), 'mode', 'but it is a text that is not repeated here.'],
    [
      () => initialModes(undefined, undefined, { PG_NEAREST_MODE: 'off' }),
      'PG_NEAREST_MODE',
      'PG_NEAREST_MODE must be one of',
    ],
    [() => parseShares(0.1), 'modes', 'modes must be an object such as { observe: 0.1 }, but it is a number.'],
    [() => parseShares({ observ: 0.1 }), 'observ', 'There is no option "observ". Did you mean observe?'],
    [() => parseShares({ observe: 1.5 }), 'modes.observe', 'must be a number from 0 to 1, but it is 1.5.'],
    [() => parseShares({ observe: Number.NaN }), 'modes.observe', 'must be a number from 0 to 1, but it is NaN.'],
    [() => parseShares({ observe: '0.1' }), 'modes.observe', 'but it is a string.'],
    [() => parseShares({ observe: {} }), 'modes.observe', 'modes.observe needs a share, or routes, or both'],
    [() => parseShares({ observe: { routes: [] } }), 'modes.observe.routes', 'must be a list of names'],
    [() => parseShares({ observe: { routes: ['GET /', 7] } }), 'modes.observe.routes', 'must be a list of names'],
    [() => parseShares({ observe: 0.6, normal: 0.6 }), 'modes', 'The shares of modes are 1.2 in all'],
  ]
  test.each(wrong)('and is none, is an error: %#', async (what, option, message) => {
    const error = await errorOf(Promise.resolve().then(what))
    expect(error).toMatchObject({ code: 'NEAREST_BAD_OPTION', option })
    expect((error as Error).message).toContain(message)
  })
})

test('a client that is observed would stand where its statements would have taken it', () => {
  const steps = (start: ShadowPlace, ...texts: readonly string[]): string[] => {
    let place = start
    return texts.map((text) => {
      const placed = placedIn(place)
      const need = classify(text)
      const reads = need.class === 'read' || need.transaction?.standbyCanBegin === true
      const server = placed === undefined ? (reads ? 'ord' : undefined) : placed.server
      place = nextShadowPlace(place, need, server)
      return `${server ?? 'nrt'} ${placed?.reason ?? 'chosen'}`
    })
  }
  expect(steps(SHADOW_FREE, 'select 1', 'select 2')).toEqual(['ord chosen', 'ord chosen'])
  expect(steps(SHADOW_FREE, 'insert into t values (1)', 'select 1')).toEqual(['nrt chosen', 'nrt own-write'])
  expect(steps(SHADOW_FREE, 'begin read only', 'select 1', 'commit', 'select 2')).toEqual([
    'ord chosen',
    'ord transaction',
    'ord transaction',
    'ord chosen',
  ])
  expect(steps(SHADOW_FREE, 'begin', 'select 1', 'commit', 'select 2')).toEqual([
    'nrt chosen',
    'nrt transaction',
    'nrt transaction',
    'nrt own-write',
  ])
  expect(steps(SHADOW_FREE, 'set x.y = 1', 'select 1')).toEqual(['nrt chosen', 'nrt pinned'])
})

describe('a report', () => {
  const forecast = (statements: number): Forecast => ({
    since: 1_790_000_000_000,
    statements,
    onReplicas: statements - 1,
    proofs: { held: 2, failed: 1 },
    tookMs: 130 * statements,
    savedMs: 120 * (statements - 1),
    routes: [
      {
        server: 'ord',
        region: 'ord',
        reason: 'own-region',
        statements: statements - 1,
        savedMs: 120 * (statements - 1),
      },
      { server: 'nrt', region: 'nrt', reason: 'write', statements: 1, savedMs: 0 },
    ],
  })

  test('adds up what several processes have observed', () => {
    const sum = sumOf([forecast(10), forecast(30)])
    expect(sum).toMatchObject({ statements: 40, onReplicas: 38, proofs: { held: 4, failed: 2 }, savedMs: 4_560 })
    expect(sum?.routes.map(({ server, statements }) => [server, statements])).toEqual([
      ['ord', 38],
      ['nrt', 2],
    ])
    expect(sumOf([])).toBeUndefined()
  })

  test('is for people', () => {
    expect(reportText(forecast(10), { columns: undefined })).toBe(
      [
        '10 statements were observed since 2026-09-21T14:13:20.000Z.',
        'In the mode normal, 9 of them (90 %) would have been answered by a replica.',
        '3 had to show what their session had written: the replica did for 2, and for 1 the primary would have been asked after all.',
        'They took 1.3 s in all, and would have taken about 220 ms.',
        '',
        'server  reason      statements  part  saved    each',
        'ord     own-region           9  90 %  1.1 s  120 ms',
        'nrt     write                1  10 %      –       –',
      ].join('\n'),
    )
  })

  test('fits a narrow terminal', () => {
    const table = reportText(forecast(10), { columns: 40 }).split('\n\n').slice(1).join('\n')
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40)
    expect(table).toContain('own-region')
  })

  test('is read from files, and says of what cannot be read why', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pg-nearest-report-'))
    try {
      const file = join(folder, 'status.json')
      await writeFile(file, JSON.stringify({ servers: [], observed: forecast(10) }))
      const said: string[] = []
      const say = (text: string): void => void said.push(text)
      const { signal: interrupted } = new AbortController()
      const ignore = (): void => undefined
      const terminal = {
        env: {},
        color: false,
        columns: undefined,
        print: say,
        complain: say,
        redraw: ignore,
        progress: ignore,
        interrupted,
      }
      expect(await reportCommand([file, file], terminal)).toBe(0)
      expect(said.join()).toContain('20 statements were observed')
      const missing = reportCommand([join(folder, 'none.json')], terminal)
      await expect(missing).rejects.toThrow(/none\.json cannot be read: ENOENT/)
      const refused = reportCommand(['http://app:hunter2@127.0.0.1:1/health'], terminal)
      const error = await errorOf(refused)
      expect(String(error)).toContain('cannot be read')
      expect(String(error)).not.toContain('hunter2')
      await writeFile(file, '{"servers":[]}')
      expect(await reportCommand([file], terminal)).toBe(1)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('is read from a status, or by itself, and from nothing else', () => {
    const text = JSON.stringify(forecast(3))
    expect(parseForecast(text, 'it')).toEqual(forecast(3))
    expect(parseForecast(JSON.stringify({ servers: [], observed: forecast(3) }), 'it')).toEqual(forecast(3))
    expect(parseForecast('{"servers":[]}', 'it')).toBeUndefined()
    for (const wrong of [
      '',
      '{',
      '7',
      '[]',
      '{"since":1}',
      text.replace('"ord"', '7'),
      text.replace('"ord"', '"\\u001b[2J"'),
      text.replace('"held":2', '"held":null'),
    ]) {
      expect(() => parseForecast(wrong, 'x.json')).toThrow(/^x\.json (?:holds no JSON|is neither)/)
    }
  })
})

test('what failed for lack of somebody who takes writes is told from what may have been written', () => {
  const refused = new ReadOnlyModeError('no')
  expect(isUnavailableError(refused)).toBe(true)
  expect(isUnavailableError(new Error('of an ORM', { cause: refused }))).toBe(true)
  expect(isUnavailableError(new OutcomeUnknownError('insert', 'nrt', refused))).toBe(false)
  expect(isUnavailableError(new Error('else'))).toBe(false)
})
