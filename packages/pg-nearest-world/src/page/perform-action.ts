import { isNearestError } from 'pg-nearest'
import { ActionRefused, type Crossing, type Told } from 'pg-nearest-page'
import { promoteAndLook } from '../chaos/promotion.ts'
import { setReplayLag } from '../cluster/apply-delay.ts'
import { WorldError } from '../world-error.ts'
import { cross } from './cross.ts'
import type { PageApp } from './page-app.ts'
import type { PageWorld } from './page-world.ts'
import type { Action } from './parse-action.ts'
import { placeOf } from './places.ts'

/** What a change of the world is called while it is done, and after it. */
export interface Performing {
  readonly doing: string
  readonly run: () => Promise<Omit<Told, 'at'> | undefined>
}

type WorldAction = Exclude<Action, { readonly do: 'chaos' }>

/** What is to be done for an action. `run` rejects with {@link ActionRefused} where the world, or a pool, says why it cannot. */
export function performing(action: WorldAction, page: PageWorld, onCrossing: (crossing: Crossing) => void): Performing {
  const { doing, run } = planOf(action, page, onCrossing)
  return {
    doing,
    async run() {
      try {
        return await run()
      } catch (error) {
        throw error instanceof WorldError || isNearestError(error) ? new ActionRefused(error.message) : error
      }
    },
  }
}

function planOf(action: WorldAction, page: PageWorld, onCrossing: (crossing: Crossing) => void): Performing {
  const { world } = page
  switch (action.do) {
    case 'kill':
      return plan(`Killing ${city(action.region)}`, 'break', `The server in ${city(action.region)} was killed.`, () =>
        world.kill(action.region),
      )
    case 'start':
      return plan(`Starting ${city(action.region)}`, 'mend', `The server in ${city(action.region)} is up again.`, () =>
        world.start(action.region),
      )
    case 'pause':
      return plan(`Pausing ${city(action.region)}`, 'break', `${city(action.region)} no longer replays anything.`, () =>
        world.pauseReplay(action.region),
      )
    case 'resume':
      return plan(`Resuming ${city(action.region)}`, 'mend', `${city(action.region)} replays again.`, () =>
        world.resumeReplay(action.region),
      )
    case 'promote':
      return plan(
        `Promoting ${city(action.region)}`,
        'break',
        promotedWords(action.region, world.primary),
        async () => {
          mustBeUp(action.region, page)
          page.promotions.push(await promoteAndLook(world, action.region))
        },
      )
    case 'add':
      return plan(`Adding ${city(action.region)}`, 'mend', `${city(action.region)} has joined the world.`, async () => {
        await world.addRegion(action.region)
        page.addApp(action.region)
      })
    case 'lag':
      return plan(`Holding ${city(action.region)} back`, lagTone(action.ms), lagWords(action), () => lag(action, page))
    case 'rtt':
      return plan(`Changing a link`, 'break', rttWords(action), () => world.setRtt(action.a, action.b, action.ms))
    case 'partition':
      return plan('Cutting a link', 'break', `Nothing passes between ${pair(action)} any more.`, () =>
        world.partition(action.a, action.b),
      )
    case 'heal':
      return plan('Mending a link', 'mend', `Traffic passes between ${pair(action)} again.`, () =>
        world.heal(action.a, action.b),
      )
    case 'sessions':
      return plan('Switching sessions', action.on ? 'mend' : 'break', sessionWords(action.on), () => {
        page.sessions = action.on
      })
    case 'cross':
      return plan('Writing here, reading there', 'info', undefined, async () => {
        onCrossing(await cross(appOf(page, action.from), appOf(page, action.to), action.text))
      })
  }
}

function plan(
  doing: string,
  tone: Told['tone'],
  text: string | undefined,
  work: () => void | Promise<void>,
): Performing {
  return {
    doing,
    async run() {
      await work()
      return text === undefined ? undefined : { tone, text }
    },
  }
}

const city = (region: string): string => placeOf(region).city

const pair = ({ a, b }: { readonly a: string; readonly b: string }): string => `${city(a)} and ${city(b)}`

const promotedWords = (region: string, old: string): string =>
  `${city(region)} was promoted, and takes the writes instead of ${city(old)}.`

const lagTone = (ms: number): Told['tone'] => (ms === 0 ? 'mend' : 'break')

const lagWords = ({ region, ms }: { readonly region: string; readonly ms: number }): string =>
  ms === 0 ? `${city(region)} replays at once.` : `${city(region)} shows each commit ${ms / 1_000} s late.`

const rttWords = (link: { readonly a: string; readonly b: string; readonly ms: number }): string =>
  `A round trip between ${pair(link)} takes ${Math.round(link.ms)} ms now.`

const sessionWords = (on: boolean): string =>
  on
    ? 'Sessions are on: every read shows what its session has written and seen.'
    : 'Sessions are off: reads show whatever the nearest server has.'

async function lag({ region, ms }: { readonly region: string; readonly ms: number }, page: PageWorld): Promise<void> {
  const { world } = page
  if (region === world.primary) throw new ActionRefused(`${city(region)} is the primary, which replays nothing.`)
  mustBeUp(region, page)
  await setReplayLag(world.url(region, { as: 'superuser' }), ms)
}

function mustBeUp(region: string, { world }: PageWorld): void {
  if (!world.isUp(region)) throw new ActionRefused(`The server in ${city(region)} is down: start it before.`)
}

function appOf(page: PageWorld, region: string): PageApp {
  const app = page.appIn(region)
  if (app === undefined) throw new ActionRefused(`There is no app in ${region}.`)
  return app
}
