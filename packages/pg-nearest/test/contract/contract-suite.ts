import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type pg from 'pg'
import differences from '../../spec/differences.json' with { type: 'json' }
import { contract } from './all.ts'
import type { Bench, PoolOptions } from './contract-case.ts'

/** A kind of pool. */
export interface Kind {
  readonly name: string
  url(): string
  make(url: string, options: PoolOptions): pg.Pool
  end(pool: pg.Pool): Promise<void>
  /** The cases that differ. */
  readonly differs: ReadonlySet<string>
}

/** What is listed for each heading of the page. */
type Listed = Readonly<Record<string, { readonly one: readonly string[]; readonly several?: readonly string[] }>>

/** The cases that differ with one database; with several servers there are more. */
export function listedDifferences(servers: 'one' | 'several'): ReadonlySet<string> {
  const entries = Object.values(differences as Listed)
  const lists = entries.flatMap(({ one, several = [] }) => (servers === 'one' ? [one] : [one, several]))
  return new Set(lists.flat())
}

export const listedHeadings = (): readonly string[] => Object.keys(differences)

/** The headings of the page that says what differs, and why. */
export function headingsOfPage(): readonly string[] {
  const page = readFileSync(new URL('../../docs/differences.md', import.meta.url), 'utf8')
  return [...page.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading)
}

/** What differs may show nothing at all. */
const NOTHING_MS = 1_000

/** Runs every case with this kind of pool. A case that is listed as different must differ. */
export function describeContract({ name, url, make, end, differs }: Kind): void {
  describe(name, () => {
    const pools: pg.Pool[] = []
    afterEach(async () => {
      await Promise.all(pools.splice(0).map(end))
    })
    const bench: Bench = {
      get url() {
        return url()
      },
      pool(options = {}, at = url()) {
        const pool = make(at, options)
        pools.push(pool)
        return pool
      },
    }
    const same = contract.filter((each) => !differs.has(each.name))
    test.each(same.map((each) => [each.name, each] as const))('%s', async (_name, { expects, run }) => {
      expect(await run(bench)).toEqual(expects)
    })
    if (differs.size === 0) return
    const others = contract.filter((each) => differs.has(each.name))
    test.each(others.map((each) => [each.name, each] as const))('differs: %s', async (_name, { expects, run }) => {
      const shown = (async () => run(bench))().catch((error: unknown) => error)
      expect(await Promise.race([shown, sleep(NOTHING_MS, 'nothing')])).not.toEqual(expects)
    })
  })
}
