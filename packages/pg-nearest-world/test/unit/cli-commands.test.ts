import { beforeEach, describe, expect, test } from 'vitest'
import type { CommandContext } from '../../src/cli/command.ts'
import { commands, helpText, lagText } from '../../src/cli/commands.ts'
import { complete } from '../../src/cli/complete.ts'
import { dispatch } from '../../src/cli/dispatch.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import type { World } from '../../src/world-types.ts'

const asked: unknown[][] = []
const printed: string[] = []
let left = false

const note = (...call: unknown[]): void => void asked.push(call)
const noteLater = async (...call: unknown[]): Promise<void> => note(...call)

/** Notes what it is asked for; how a world behaves is shown on a real one, in test/postgres. */
const world: World = {
  regions: ['nrt', 'ord', 'syd'],
  primary: 'nrt',
  version: '18.4',
  url: (region, { as = 'app' } = {}) => `postgres://${as}@${region}/app`,
  poolOptions: (region) => ({ region, primary: { region: 'nrt', url: 'postgres://nrt/app' }, replicas: {} }),
  isUp: () => true,
  link: () => Promise.reject(new Error('no command opens one')),
  rtt: () => 128,
  setRtt: (...values) => note('setRtt', ...values),
  setJitter: (...values) => note('setJitter', ...values),
  setBandwidth: (...values) => note('setBandwidth', ...values),
  partition: (...values) => note('partition', ...values),
  heal: (...values) => note('heal', ...values),
  isPartitioned: () => false,
  kill: (...values) => noteLater('kill', ...values),
  start: (...values) => noteLater('start', ...values),
  pauseReplay: (...values) => noteLater('pauseReplay', ...values),
  resumeReplay: (...values) => noteLater('resumeReplay', ...values),
  promote: (...values) => noteLater('promote', ...values),
  addRegion: (...values) => noteLater('addRegion', ...values),
  status: async () => {
    note('status')
    return []
  },
  stop: () => noteLater('stop'),
  [Symbol.asyncDispose]: () => noteLater('stop'),
}
const joined: string[] = []
const context: CommandContext = {
  world,
  joined: async (region) => void joined.push(region),
  print: (text) => printed.push(text),
  quit: () => (left = true),
}

beforeEach(() => {
  asked.length = 0
  printed.length = 0
  left = false
})

describe('dispatch', () => {
  test('a region that joins is told of', async () => {
    await dispatch('add fra', context)
    expect(joined).toEqual(['fra'])
  })

  test.each([
    ['kill ord', ['kill', 'ord']],
    ['  KILL   Ord ', ['kill', 'ord']],
    ['start nrt', ['start', 'nrt']],
    ['pause ord', ['pauseReplay', 'ord']],
    ['resume syd', ['resumeReplay', 'syd']],
    ['rtt ord nrt 300', ['setRtt', 'ord', 'nrt', 300]],
    ['rtt ord,nrt 0.3s', ['setRtt', 'ord', 'nrt', 300]],
    ['jitter ord nrt 20', ['setJitter', 'ord', 'nrt', 20]],
    ['bandwidth ord nrt 8Mbit', ['setBandwidth', 'ord', 'nrt', 1_000_000]],
    ['bandwidth ord nrt off', ['setBandwidth', 'ord', 'nrt', Infinity]],
    ['partition ord nrt', ['partition', 'ord', 'nrt']],
    ['heal ord nrt', ['heal', 'ord', 'nrt']],
    ['add fra', ['addRegion', 'fra']],
    ['status', ['status']],
  ])('%s', async (line, call) => {
    await dispatch(line, context)
    expect(asked).toEqual([call])
    expect(printed).toHaveLength(1)
  })

  test.each(['', '   ', '# kill ord'])('%j does nothing', async (line) => {
    await dispatch(line, context)
    expect([asked, printed]).toEqual([[], []])
  })

  test('rtt of two regions alone only says it', async () => {
    await dispatch('rtt ord nrt', context)
    expect(asked).toEqual([])
    expect(printed).toEqual(['ord and nrt are 128 ms apart, there and back.'])
  })

  test('the superuser’s URLs are shown to who asks for them', async () => {
    await dispatch('urls', context)
    await dispatch('superuser ord', context)
    expect(printed).toEqual([
      expect.stringContaining('postgres://app@nrt/app'),
      expect.stringContaining('postgres://superuser@nrt/app'),
    ])
  })

  test('that a paused replica replays is not said of it', async () => {
    expect(lagText('ord', 5_000, true)).toBe(
      'ord is paused, and shows nothing new. After resume ord it shows each commit 5 s after the primary made it, or when it arrives, if that is later.',
    )
    expect(lagText('ord', 0, true)).toBe('ord is paused, and shows nothing new. After resume ord it replays at once.')
    expect(lagText('ord', 0, false)).toBe('ord replays at once.')
    expect(lagText('ord', 5_000, undefined)).toBe(
      'ord shows each commit 5 s after the primary made it, or when it arrives, if that is later.',
    )
  })

  test.each(['promote ord', 'add fra'])('%s: a file of variables is as it was, and says so', async (line) => {
    await dispatch(line, context)
    expect(printed.join()).not.toContain('.env')
    await dispatch(line, { ...context, envFile: { path: 'my.env', region: 'syd' } })
    expect(printed.at(-1)).toMatch(/[ \n]my\.env has the variables from before\. The new ones: env syd$/)
  })

  test.each(['quit', 'exit'])('%s leaves', async (line) => {
    await dispatch(line, context)
    expect(left).toBe(true)
  })

  test.each(['help', '?'])('%s lists every command', async (line) => {
    await dispatch(line, context)
    expect(printed).toEqual([helpText()])
  })

  test.each([
    ['klil ord', 'There is no command "klil". Did you mean kill?'],
    ['prom ord', 'There is no command "prom". Did you mean promote?'],
    ['dance', 'There is no command "dance". See: help'],
    ['kill', 'Write it so: kill <region>'],
    ['kill ord syd', 'Write it so: kill <region>'],
    ['rtt ord', 'Write it so: rtt <region> <region> [time]'],
    ['kill odr', 'There is no region "odr" in this world. Did you mean ord?'],
    ['kill fra', 'There is no region "fra" in this world. It has nrt, ord, syd.'],
    ['rtt ord ord 5', 'Name two regions: there is no link from ord to itself.'],
    ['partition ord ord', 'Name two regions: there is no link from ord to itself.'],
    ['rtt ord nrt soon', '"soon" is not a length of time. Write 300, 250ms, 5s or 2m.'],
    ['bandwidth ord nrt fast', '"fast" is not a rate per second. Write 500kB, 10MB, 100Mbit or off.'],
    ['lag nrt 5s', 'nrt is the primary, which replays nothing. Name a replica.'],
    ['lag ord 600h', 'A replica can be held back by 24 days at most.'],
    ['pause nrt', 'nrt is the primary, which replays nothing. Name a replica.'],
  ])('%s is refused, and nothing is done', async (line, message) => {
    await expect(dispatch(line, context)).rejects.toThrow(new UsageError(message))
    expect([asked, printed]).toEqual([[], []])
  })
})

describe('help', () => {
  test('every command is there once, and no line is too wide for a terminal', () => {
    const lines = helpText().split('\n')
    expect(lines.map((line) => line.trim().split(' ')[0])).toEqual(commands.map((command) => command.name))
    expect(new Set(commands.map((command) => command.name)).size).toBe(commands.length)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(110)
  })
})

describe('complete', () => {
  test.each([
    ['', commands.map((command) => `${command.name} `), ''],
    ['st', ['status ', 'start '], 'st'],
    ['kill ', ['nrt ', 'ord ', 'syd '], ''],
    ['kill o', ['ord '], 'o'],
    ['rtt ord ', ['nrt ', 'syd '], ''],
    ['rtt ord nrt ', ['250ms ', '1s ', '5s '], ''],
    ['bandwidth ord nrt o', ['off '], 'o'],
    ['add fr', ['fra '], 'fr'],
    ['add or', [], 'or'],
    ['kill ord ', [], ''],
    ['dance ', [], ''],
  ])('%j', (line, hits, typed) => {
    expect(complete(line, world)).toEqual([hits, typed])
  })
})
