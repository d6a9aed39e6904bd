import type { QueryEvent } from 'pg-nearest'
import {
  ActionRefused,
  initialWorld,
  reduceWorld,
  startPageServer,
  type PageServer,
  type StatementFacts,
  type WorldEvent,
  type WorldState,
} from 'pg-nearest-page'
import type { World } from '../world-types.ts'
import { startChaos, CHAOS_MS } from './chaos-minute.ts'
import { findingWords } from './finding-words.ts'
import { sampleLatency } from './latency-samples.ts'
import { statementFacts, type PageApp } from './page-app.ts'
import { startPageWorld } from './page-world.ts'
import { parseAction, type Action } from './parse-action.ts'
import { performing } from './perform-action.ts'
import { candidatesOf, linksOf, placeOf } from './places.ts'
import { movesOf, withRead, type Latest } from './reading-from.ts'
import { createRunningJudge } from './running-judge.ts'
import { createServerObserver } from './server-observer.ts'
import { createStatementSample } from './statement-sample.ts'

export interface PageOptions {
  /** On 127.0.0.1. Default 4100, or one that is free if that is taken. */
  readonly port?: number | undefined
  /** Where the app runs that the page shall lead to. */
  readonly app?: string | undefined
}

export interface RunningPage {
  readonly url: string
  /** Ends the page and its apps. The world goes on. */
  close(): Promise<void>
}

const PORT = 4100
const TICK_MS = 250
const LOOKS_MS = 500
const SECOND_MS = 1_000
/** Told in words of a second; all are counted. */
const MOST_FINDINGS = 3

/**
 * Serves a page that shows a world, and on which people break it, to this machine alone. An app reads and writes in each region meanwhile,
 * about 30 statements a second in all; it makes the tables `deeds`, `registers` and `notes`, and the function `bump`, for it.
 */
export async function startPage(world: World, { port, app }: PageOptions = {}): Promise<RunningPage> {
  const page = await startPageWorld(world)
  const { apps, diary } = page
  const judge = createRunningJudge(page)
  const observer = createServerObserver(world)
  const sample = createStatementSample<StatementFacts>()
  const seconds = new Map<string, ReturnType<typeof sampleLatency>>()
  let state: WorldState = initialWorld({
    primary: world.primary,
    version: world.version,
    places: world.regions.map(placeOf),
    candidates: candidatesOf(world),
    app,
  })
  let latest: Latest = {}
  let told = diary.recorder.now()
  let nextId = 1
  let watching: (() => void)[] | undefined
  let chaos: AbortController | undefined

  const happen = (event: WorldEvent): void => {
    state = reduceWorld(state, event)
    server.publish(event)
  }

  const watch = (each: PageApp): (() => void) =>
    each.watch((event: QueryEvent) => {
      sample.offer(event, () => statementFacts(nextId++, each, event, (a, b) => world.rtt(a, b)))
    })

  const describeWorld = (): void => {
    const links = linksOf(world)
    if (JSON.stringify(links) !== JSON.stringify(state.links)) happen({ type: 'links', links })
    if (world.primary === state.primary && world.regions.length === state.places.length) return
    happen({
      type: 'world',
      primary: world.primary,
      places: world.regions.map(placeOf),
      candidates: candidatesOf(world),
    })
  }

  const tick = (): void => {
    const reads = diary.deeds.filter(
      ({ kind, outcome, completedAt }) => kind === 'read' && outcome === 'ok' && completedAt > told,
    )
    for (const { app: region, server: from } of reads) latest = withRead(latest, region, from ?? '')
    told = diary.deeds.at(-1)?.completedAt ?? told
    for (const { region, from } of movesOf(latest, state.reading)) {
      const reason = from === region ? 'own-region' : from === world.primary ? 'the primary' : 'nearest'
      happen({ type: 'reading', region, from, reason, at: Date.now() })
    }
    const statements = sample.take()
    if (statements.length > 0) happen({ type: 'statements', statements })
    describeWorld()
  }

  const everySecond = (): void => {
    const samples = apps.map((each) => {
      const second = seconds.get(each.region) ?? sampleLatency(diary, each)
      seconds.set(each.region, second)
      return second()
    })
    happen({ type: 'latency', at: Date.now(), samples })
    happen({ type: 'counters', counters: judge.counts })
  }

  const tellFindings = async (): Promise<void> => {
    const found = await judge.judge()
    for (const finding of found.slice(0, MOST_FINDINGS))
      happen({ type: 'told', told: { at: Date.now(), tone: 'wrong', text: findingWords(finding) } })
  }

  const act = async (asked: unknown): Promise<void> => {
    const action = parseAction(asked)
    if (action === undefined) throw new ActionRefused('The page asked for something that there is not.')
    if (action.do === 'chaos') return toggleChaos(action.on)
    if (chaos !== undefined && action.do !== 'sessions' && action.do !== 'cross')
      throw new ActionRefused('Chaos has the world for the moment: end it, or wait.')
    await perform(action)
  }

  const perform = async (action: Exclude<Action, { do: 'chaos' }>): Promise<void> => {
    const { doing, run } = performing(action, page, (crossing) => happen({ type: 'crossing', crossing }))
    happen({ type: 'busy', what: doing })
    try {
      const words = await run()
      if (action.do === 'sessions') happen({ type: 'sessions', on: action.on })
      if (action.do === 'add' && watching !== undefined) watchNewcomers()
      if (words !== undefined) happen({ type: 'told', told: { at: Date.now(), ...words } })
    } finally {
      happen({ type: 'busy', what: undefined })
      describeWorld()
    }
  }

  const watchNewcomers = (): void => {
    for (const each of apps.slice(watching?.length ?? 0)) watching?.push(watch(each))
  }

  const toggleChaos = (on: boolean): void => {
    if (!on) return chaos?.abort()
    if (chaos !== undefined) throw new ActionRefused('Chaos is on already.')
    const ending = new AbortController()
    chaos = ending
    const endsAt = Date.now() + CHAOS_MS
    const timer = setTimeout(() => ending.abort(), CHAOS_MS)
    const storm = startChaos(page, Math.floor(Math.random() * 2 ** 31), ending.signal)
    happen({ type: 'told', told: { at: Date.now(), tone: 'break', text: 'Chaos has a minute.' } })
    const follow = setInterval(() => {
      if (state.chaos?.broken === storm.current && state.chaos?.endsAt === endsAt) return
      if (storm.current !== undefined)
        happen({ type: 'told', told: { at: Date.now(), tone: 'break', text: `Chaos: ${storm.current}.` } })
      happen({ type: 'chaos', chaos: { endsAt, broken: storm.current } })
    }, 100)
    const over = (text: string): void => {
      clearInterval(follow)
      clearTimeout(timer)
      chaos = undefined
      happen({ type: 'chaos', chaos: undefined })
      happen({ type: 'told', told: { at: Date.now(), tone: 'mend', text } })
    }
    storm.done.then(
      () => over(`Chaos is over: ${storm.inflicted.length} faults, and all is healed.`),
      (error: unknown) => over(`Chaos ended early: ${error instanceof Error ? error.message : String(error)}`),
    )
  }

  const server = await listen(
    {
      page: 'world' as const,
      snapshot: (): WorldEvent => ({ type: 'snapshot', state }),
      act,
      onWatched: (watched: boolean) => {
        if (watched) watching = apps.map(watch)
        else {
          for (const stop of watching ?? []) stop()
          watching = undefined
        }
      },
    },
    port,
  )

  const loops = [
    every(TICK_MS, tick),
    every(LOOKS_MS, async () => happen({ type: 'servers', servers: await observer.look() })),
    every(SECOND_MS, everySecond),
    every(SECOND_MS, tellFindings),
  ]

  return {
    url: server.url,
    async close() {
      chaos?.abort()
      await Promise.all(loops.map((stop) => stop()))
      await server.close()
      await page.stop()
      await observer.close()
    },
  }
}

type ServerOptions = Omit<Parameters<typeof startPageServer>[0], 'port'>

/** Where it was asked to; else on its usual port, or any other where that is taken. */
function listen(options: ServerOptions, port: number | undefined): Promise<PageServer> {
  if (port !== undefined) return startPageServer({ ...options, port })
  return startPageServer({ ...options, port: PORT }).catch(() => startPageServer(options))
}

/** Runs it again and again, never twice at once. Returns what ends it, and resolves when it has ended. */
function every(ms: number, work: () => void | Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= Promise.resolve(work()).finally(() => (running = undefined))
  }, ms)
  return async () => {
    clearInterval(timer)
    await running
  }
}
