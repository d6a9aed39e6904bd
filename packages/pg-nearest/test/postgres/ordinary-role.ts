import type { World, WorldPoolOptions } from 'pg-nearest-world'
import { ask, caughtUp } from './fixtures.ts'

const ROLE = 'clerk'

/** Creates a role as an app has it: it may use what is in the schema, and nothing else. Call it once the tables are there. */
export async function withOrdinaryRole(world: World): Promise<void> {
  const { password } = new URL(world.url(world.primary))
  await ask(
    world.url(world.primary),
    `create role ${ROLE} login password '${password}';
     grant usage, create on schema public to ${ROLE};
     grant all on all tables in schema public to ${ROLE};
     grant all on all sequences in schema public to ${ROLE}`,
  )
  await caughtUp(world)
}

/** The same server, as this role. */
export function ordinary(url: string): string {
  return Object.assign(new URL(url), { username: ROLE }).href
}

/** Options for an app in this region, as this role. */
export function ordinaryOptions(world: World, from: string): WorldPoolOptions {
  const { region, primary, replicas } = world.poolOptions(from)
  return {
    region,
    primary: { ...primary, url: ordinary(primary.url) },
    replicas: Object.fromEntries(Object.entries(replicas).map(([name, url]) => [name, ordinary(url)])),
  }
}
