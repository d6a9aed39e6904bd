import type { World } from '../world-types.ts'
import { environment, envLines } from './env-lines.ts'
import { urlTable } from './tables.ts'

type Shown = Pick<World, 'regions' | 'primary' | 'url' | 'rtt' | 'poolOptions'>

/** What a person needs once the world is up: each server's URL, and the variables of an app in each region, or in one. */
export function announcement(world: Shown, region?: string): string {
  const apps = region === undefined ? world.regions : [region]
  return [urlTable(world, region), ...apps.map((code) => envLines(world.poolOptions(code)))].join('\n\n')
}

/** The same for a program, as JSON on one line. */
export function announcementJson(world: Shown, region?: string): string {
  const shown = region === undefined ? world.regions : [region]
  return JSON.stringify({
    primary: world.primary,
    regions: shown.map((code) => ({
      region: code,
      role: code === world.primary ? 'primary' : 'replica',
      url: world.url(code),
      superuserUrl: world.url(code, { as: 'superuser' }),
      rttToPrimaryMs: world.rtt(code, world.primary),
      env: environment(world.poolOptions(code)),
    })),
  })
}
