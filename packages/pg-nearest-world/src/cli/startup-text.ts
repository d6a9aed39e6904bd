import type { World } from '../world-types.ts'
import { databaseVariables } from '../app/app-environment.ts'
import type { RunningApp } from '../app/run-app.ts'
import { envLines } from './env-lines.ts'
import { urlTable } from './tables.ts'

type Shown = Pick<World, 'regions' | 'primary' | 'url' | 'rtt' | 'poolOptions'>

/** What a person needs once the world is up: each server's URL, and the variables of an app in each region, or in one. */
export function announcement(world: Shown, region?: string): string {
  const apps = region === undefined ? world.regions : [region]
  return [urlTable(world, region), ...apps.map((code) => envLines(world.poolOptions(code)))].join('\n\n')
}

/** Where the app is: its URL, and the one for each region in which somebody may be. */
export function appAnnouncement(world: Pick<World, 'regions'>, edge: RunningApp['edge']): string {
  const width = Math.max(...world.regions.map((region) => region.length))
  const lines = world.regions.map((region) => `  from ${region.padEnd(width)}  ${edge.url(region)}`)
  return [
    `The app: ${edge.url()}, with ?edge-region=${world.regions.at(-1)} or a header of that name from elsewhere.`,
    ...lines,
  ].join('\n')
}

/** What a person is told, for a program, as JSON on one line. */
export function announcementJson(world: Shown, region?: string, edge?: RunningApp['edge']): string {
  const shown = region === undefined ? world.regions : [region]
  const appUrl = (code?: string): { appUrl?: string } => (edge === undefined ? {} : { appUrl: edge.url(code) })
  const entryOf = (code: string): object => ({
    region: code,
    role: code === world.primary ? 'primary' : 'replica',
    url: world.url(code),
    superuserUrl: world.url(code, { as: 'superuser' }),
    ...appUrl(code),
    rttToPrimaryMs: world.rtt(code, world.primary),
    env: databaseVariables(world.poolOptions(code)),
  })
  return JSON.stringify({ primary: world.primary, ...appUrl(), regions: shown.map(entryOf) })
}
