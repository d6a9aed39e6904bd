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
import { createChaosMinute } from './chaos-minute.ts'
import { findingWords } from './finding-words.ts'
import { followApp, type AppActivity } from './app-activity.ts'
import { hasStopped } from './has-stopped.ts'
import { statementFacts } from './page-app.ts'
import { createPageWorld } from './page-world.ts'
import { isNews } from './is-news.ts'
import { createPace } from './pace.ts'
import { parseAction, type Action } from './parse-action.ts'
import { performing } from './perform-action.ts'
import { candidatesOf, linksOf, placeOf } from './places.ts'
import { createRunningJudge } from './running-judge.ts'
import { repeat } from './repeat.ts'
import { createServerObserver } from './server-observer.ts'
import { createShift } from './shift.ts'
import { createStatementSample } from './statement-sample.ts'

export interface PageOptions {
  /** Default 4100, or one that is free if that is taken. */
  readonly port?: number | undefined
  /**
   * The address to listen on. Default 127.0.0.1: this machine alone. On any other one whoever has opened `url`, in which there is a key, may
   * break the world; it is not encrypted on its way.
   */
  readonly host?: string | undefined
  /** Where the app runs that the page shall lead to. */
  readonly app?: string | undefined
  /** Milliseconds after which the apps rest, because nobody looks. Default 60,000. */
  readonly restAfterMs?: number | undefined
}

export interface RunningPage {
  readonly url: string
  /** Ends the page and its apps. The world goes on; when that stops, its page ends by itself. */
  close(): Promise<void>
  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void>
}

const PORT = 4100
const TICK_MS = 250
/** At full pace, as all of these. */
const LOOKS_MS = 500
const SECOND_MS = 1_000
const REST_AFTER_MS = 60_000
/** So many a second are told in words; all are counted. */
const MOST_FINDINGS = 3

/**
 * Serves a page that shows a world, and on which people break it, to this machine alone unless `host` says otherwise. While somebody looks, and for a minute after that, an
 * app reads and writes in each region: about 30 statements a second in all, and an eighth of that while nothing happens. It makes the tables `deeds`, `registers` and `notes`, and the function `bump`, for it, and grants `pg_monitor` to the apps' role.
 */
export async function startPage(
  world: World,
  { port, host, app, restAfterMs = REST_AFTER_MS }: PageOptions = {},
): Promise<RunningPage> {
  const pace = createPace()
  const page = await createPageWorld(world, pace.turns)
  const judge = createRunningJudge(page, () => state.busy !== undefined || chaos.on)
  const observer = createServerObserver(world)
  const sample = createStatementSample<StatementFacts>()
  const activities = new Map<string, AppActivity>()
  let state: WorldState = initialWorld({
    primary: world.primary,
    version: world.version,
    places: world.regions.map(placeOf),
    candidates: candidatesOf(world),
    app,
  })
  let nextId = 1
  let watched = false

  const happen = (event: WorldEvent): void => {
    if (isNews(state, event)) pace.quicken()
    state = reduceWorld(state, event)
    server.publish(event)
  }

  const chaos = createChaosMinute(page, happen)

  const readsFrom = (region: string, from: string): void => {
    if (state.reading[region] === from) return
    const reason = from === region ? 'own-region' : from === world.primary ? 'the primary' : 'nearest'
    happen({ type: 'reading', region, from, reason, at: Date.now() })
  }

  const followApps = (): void => {
    for (const each of page.apps) {
      if (activities.has(each.region)) continue
      const activity = followApp(each, {
        onReading: (from) => readsFrom(each.region, from),
        onTrouble: pace.quicken,
        onQuery(event) {
          if (!watched || hasStopped(world)) return
          sample.offer(event, () =>
            statementFacts(each, event, {
              id: nextId++,
              sessions: page.sessions,
              rtt: (a, b) => world.rtt(a, b),
            }),
          )
        },
      })
      activities.set(each.region, activity)
    }
  }

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
    judge.notice()
    // Somebody may have added it from outside.
    if (state.busy === undefined) for (const region of world.regions) if (world.isUp(region)) page.addApp(region)
    followApps()
    const statements = sample.take()
    if (statements.length > 0) happen({ type: 'statements', statements })
    describeWorld()
  }

  const everySecond = (): void => {
    const samples = [...activities.values()].map((activity) => activity.sample())
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
    if (action === undefined) throw new ActionRefused('There is no such action, or not with these values.')
    // Whoever acts without looking finds the apps at work, too.
    await shift.begin()
    if (!watched) shift.endLater()
    if (action.do === 'chaos' && !action.on) return chaos.end()
    if (action.do === 'cross' || action.do === 'sessions') return perform(action)
    if (state.busy !== undefined) throw new ActionRefused(`${state.busy} has not ended yet: wait for that.`)
    if (action.do === 'chaos') return chaos.begin()
    if (chaos.on) throw new ActionRefused('Chaos has the world for the moment: end it, or wait.')
    await perform(action)
  }

  const perform = async (action: Exclude<Action, { do: 'chaos' }>): Promise<void> => {
    const { doing, run } = performing(action, page, (crossing) => happen({ type: 'crossing', crossing }))
    showDoing(action, doing)
    try {
      const words = await run()
      if (action.do === 'sessions') happen({ type: 'sessions', on: action.on })
      if (words !== undefined) happen({ type: 'told', told: { at: Date.now(), ...words } })
    } finally {
      showDoing(action, undefined)
      if (!hasStopped(world)) describeWorld()
    }
  }

  /** What changes the world keeps others from changing it; a write does not, which may wait for as long as there is no primary. */
  const showDoing = (action: Action, what: string | undefined): void => {
    if (action.do === 'cross') happen({ type: 'crosses', on: what !== undefined })
    else if (action.do !== 'sessions') happen({ type: 'busy', what })
  }

  /** Again and again until the world has stopped. */
  const loop = (ms: number, work: () => void | Promise<void>, takesTurn?: () => boolean): (() => Promise<void>) =>
    repeat(ms, () => (hasStopped(world) ? undefined : work()), takesTurn)

  const shift = createShift({
    afterMs: restAfterMs,
    mustGoOn: () => chaos.on,
    work() {
      page.work()
      followApps()
      const loops = [
        loop(TICK_MS, tick),
        loop(LOOKS_MS, async () => happen({ type: 'servers', servers: await observer.look() }), pace.turns()),
        loop(SECOND_MS, everySecond, pace.turns()),
        loop(SECOND_MS, tellFindings, pace.turns()),
      ]
      return async () => {
        await Promise.all([page.rest(), ...loops.map((stop) => stop())])
        activities.clear()
        if (!hasStopped(world)) await tellFindings()
        // Those who come next have not seen what these have.
        page.diary.forget(Infinity)
      }
    },
  })

  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= end())
  const end = async (): Promise<void> => {
    clearInterval(worldWatch)
    chaos.end()
    // Before the shift, which whoever comes would begin again.
    await server.close()
    await shift.end()
    await Promise.all([judge.close(), observer.close()])
  }

  const server = await listen(
    {
      page: 'world' as const,
      host,
      snapshot: (): WorldEvent => ({ type: 'snapshot', state }),
      act,
      onWatched(now: boolean) {
        watched = now
        sample.take()
        if (!now) return shift.endLater()
        if (hasStopped(world)) return
        pace.quicken()
        void shift.begin()
      },
    },
    port,
  )
  const worldWatch = setInterval(() => {
    if (hasStopped(world)) void close()
  }, TICK_MS)
  happen({ type: 'servers', servers: await observer.look() })

  return { url: server.url, close, [Symbol.asyncDispose]: close }
}

type ServerOptions = Omit<Parameters<typeof startPageServer>[0], 'port'>

/** Where it was asked to; else on its usual port, or any other where that is taken. */
function listen(options: ServerOptions, port: number | undefined): Promise<PageServer> {
  if (port !== undefined) return startPageServer({ ...options, port })
  return startPageServer({ ...options, port: PORT }).catch(() => startPageServer(options))
}
