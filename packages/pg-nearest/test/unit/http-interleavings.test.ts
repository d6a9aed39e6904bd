import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ModelBrowser, ModelCluster, respond, type ModelProcess, type ModelRequest } from './http-client-model.ts'

// Values that are sealed at different times differ.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_790_000_000_000 }))
afterAll(() => void vi.useRealTimers())

type Deed = 'send' | 'read' | 'write' | 'writeWithUnknownOutcome' | 'respond' | 'receive' | 'replicate'

interface Step {
  readonly deed: Deed
  /** Which process, replica or request, modulo their number. */
  readonly which: number
}

const steps = (...deeds: Deed[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.record({ deed: fc.constantFrom(...deeds), which: fc.nat(11) }), { minLength: 5, maxLength: 80 })
const withoutUnknown = steps('send', 'send', 'read', 'write', 'respond', 'receive', 'receive', 'replicate')
const all = steps(
  'send',
  'send',
  'read',
  'write',
  'writeWithUnknownOutcome',
  'respond',
  'receive',
  'receive',
  'replicate',
)

interface Run {
  readonly browser: ModelBrowser
  readonly processes: readonly ModelProcess[]
  readonly mostCookies: number
  readonly mostUnderWay: number
}

/** Runs the steps, and finishes all requests. Each read must show what its client had seen when it sent the request. */
function run(processes: readonly ModelProcess[], program: readonly Step[]): Run {
  const browser = new ModelBrowser()
  const underWay: ModelRequest[] = []
  let mostCookies = 0
  let mostUnderWay = 0
  const take = ({ deed, which }: Step): void => {
    vi.advanceTimersByTime(1)
    const process = processes[which % processes.length]
    const request = underWay[which % underWay.length]
    if (deed === 'send' && process !== undefined && underWay.length < 12) underWay.push(browser.send(process))
    if (deed === 'replicate' && process !== undefined) {
      process.cluster.replicas[which % process.cluster.replicas.length] = process.cluster.primary
    }
    if (request === undefined) return
    if (request.setCookies === undefined) {
      if (deed === 'read') expect(request.session.read(), 'what was read').toBeGreaterThanOrEqual(request.required)
      if (deed === 'write') request.session.write()
      if (deed === 'writeWithUnknownOutcome') request.session.writeWithUnknownOutcome()
      if (deed === 'respond') respond(request)
    } else if (deed === 'receive') {
      underWay.splice(underWay.indexOf(request), 1)
      browser.receive(request)
    }
    mostCookies = Math.max(mostCookies, browser.jar.size)
    mostUnderWay = Math.max(mostUnderWay, underWay.length)
    for (const each of processes) expect(browser.isCoveredAt(each), 'the jar covers what was seen').toBe(true)
  }
  program.forEach(take)
  while (underWay.length > 0) {
    take({ deed: 'respond', which: 0 })
    take({ deed: 'receive', which: 0 })
  }
  return { browser, processes, mostCookies, mostUnderWay }
}

/** One request after the other, each of which reads. */
function inTurn({ browser, processes }: Run, times: number): void {
  for (let i = 0; i < times; i++) {
    const [process] = processes.slice(i % processes.length)
    if (process === undefined) continue
    const request = browser.send(process)
    expect(request.session.read()).toBeGreaterThanOrEqual(request.required)
    respond(request)
    browser.receive(request)
  }
}

function processesOf(...secrets: (string[] | undefined)[]): ModelProcess[] {
  const cluster = new ModelCluster('7400000000000000001')
  return secrets.map((secret, replica) => ({ cluster, replica, options: { secret } }))
}

const OLD = 'the old secret of this app'
const NEW = 'the new secret of this app'

test.each<[string, () => ModelProcess[]]>([
  ['unsigned', () => processesOf(undefined, undefined, undefined)],
  ['signed', () => processesOf([OLD], [OLD], [OLD])],
  ['signed, while the secret is changed', () => processesOf([OLD], [NEW, OLD], [NEW])],
])(
  'whatever the order of requests and responses, the client sees what it has seen and written: %s',
  (_how, processes) => {
    fc.assert(
      fc.property(all, (program) => {
        const ended = run(processes(), program)
        // Each request under way adds one, and what it brought is removed when it ends.
        expect(ended.mostCookies).toBeLessThanOrEqual(2 * ended.mostUnderWay)
        inTurn(ended, 4)
        expect(ended.browser.jar.size).toBeLessThanOrEqual(1)
        for (const { cluster } of ended.processes) cluster.replicas.fill(cluster.primary)
        inTurn(ended, 2)
        expect(ended.browser.jar.size).toBe(0)
      }),
      { numRuns: 1_000 },
    )
  },
  120_000,
)

test('two apps with databases of their own that use the same name take nothing from each other', () => {
  fc.assert(
    fc.property(withoutUnknown, (program) => {
      const [one, another] = [new ModelCluster('1'), new ModelCluster('2')]
      const options = {}
      const ended = run(
        [0, 1, 2, 0].map((replica, i) => ({ cluster: i < 2 ? one : another, replica, options })),
        program,
      )
      inTurn(ended, 8)
      expect(ended.browser.jar.size).toBeLessThanOrEqual(2)
    }),
    { numRuns: 1_000 },
  )
}, 120_000)
