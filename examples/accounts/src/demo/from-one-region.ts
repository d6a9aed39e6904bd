import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { World } from 'pg-nearest-world'

/** What the demo and the article's benchmark run. */
export const QUERY = 'select id, name, age from users order by id'

/** The article's benchmark, from the primary's region against every one: `npx pg-nearest bench`. */
export function benchFromOneRegion(
  world: World,
  { seconds, json, interrupted }: { seconds: number; json: boolean; interrupted: AbortSignal },
): Promise<string> {
  const program = join(dirname(createRequire(import.meta.url).resolve('pg-nearest/package.json')), 'dist/cli/main.js')
  const flags = [
    '--query',
    QUERY,
    '--time',
    String(seconds),
    '--warmup',
    String(seconds / 4),
    ...(json ? ['--json'] : []),
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, 'bench', ...flags], {
      env: { ...process.env, ...environment(world) },
      stdio: ['ignore', 'pipe', 'inherit'],
      signal: interrupted, // else it would go on measuring servers that are gone
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(output.trimEnd()) : reject(new Error(`pg-nearest bench ended with ${code}.`)),
    )
  })
}

/** As `fly()` reads it: passwords are in no command line. */
function environment(world: World): Record<string, string> {
  const { region, primary, replicas } = world.poolOptions(world.primary)
  return {
    FLY_REGION: '',
    MY_REGION: region,
    PRIMARY_REGION: primary.region,
    DATABASE_URL: primary.url,
    REPLICA_REGIONS: Object.keys(replicas).join(','),
    ...Object.fromEntries(Object.entries(replicas).map(([code, url]) => [`DATABASE_URL_${code.toUpperCase()}`, url])),
  }
}
