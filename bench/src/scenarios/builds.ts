import type pg from 'pg'
import { createPool, type NearestPool, type NearestPoolOptions } from 'pg-nearest'
import { startWorld, type World } from 'pg-nearest-world'
import { loadBuild } from '../contenders/build.ts'
import { loadOwnPg } from '../contenders/own-pg.ts'
import { inRounds, medianSample, msOfTurn, run, sampleRatio, type Ratio, type Sample } from '../measure.ts'
import { progressLine } from '../progress.ts'
import { createUsers } from '../users.ts'
import { BUILD_CASES, type BuildCase } from './build-cases.ts'

/** Two builds of our pool and a bare `pg.Pool`, in one process and on one world. */
export interface BuildsResult {
  /** The other build's folder. */
  readonly other: string
  readonly rounds: number
  readonly cases: readonly CaseResult[]
}

export interface CaseResult {
  readonly name: string
  readonly callers: number
  readonly ours: Sample
  readonly theirs: Sample
  readonly bare: Sample
  readonly toOther: Ratios
  readonly toBare: Ratios
}

type Ratios = Readonly<Record<Exclude<keyof Sample, 'calls'>, Ratio>>

interface Pools {
  readonly ours: NearestPool
  readonly theirs: NearestPool
  readonly bare: pg.Pool
}

const CALLERS = [1, 50]
/** Many and short: against itself a build shows a p50 between 0.9 and 1.1 in 21, with 50 callers. */
const ROUNDS = 61
/** Cold code takes several times as long. */
const WARM_UP_MS = 1_000

/** Takes about as long as asked for, in seconds, and a little more to warm up. */
export async function builds(other: string | undefined, seconds: number, only = ''): Promise<BuildsResult> {
  const theirBuild = await loadBuild(other)
  const chosen = BUILD_CASES.filter(({ name }) => name.includes(only))
  if (chosen.length === 0) {
    throw new RangeError(`No case has "${only}" in its name: ${BUILD_CASES.map(({ name }) => name).join('; ')}.`)
  }
  const ms = msOfTurn(seconds, chosen.length * CALLERS.length * 3, ROUNDS)
  using progress = progressLine()
  progress.show('starting a primary in nrt and a replica in ord')
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  const ownPg = loadOwnPg()
  await prepare(world, ownPg)
  const cases: CaseResult[] = []
  for (const each of chosen) {
    // Each case has pools of its own: what a process has written stays with its pool.
    const options = optionsOf(world, each)
    await using ours = createPool(options)
    await using theirs = theirBuild.createPool(options)
    const bare = new ownPg.Pool({ connectionString: world.url(each.where === 'database' ? 'nrt' : 'ord') })
    try {
      if (each.written === true) await Promise.all([writeAndSee(ours), writeAndSee(theirs)])
      for (const callers of CALLERS) {
        const show = (done: number, of: number): void =>
          progress.show(`${each.name}, ${callers} at once: ${done} of ${of}`)
        cases.push(await compare(each, { ours, theirs, bare }, { callers, ms }, show))
      }
    } finally {
      await bare.end()
    }
  }
  return { other: other ?? '', rounds: ROUNDS, cases }
}

async function compare(
  each: BuildCase,
  { ours, theirs, bare }: Pools,
  load: { readonly callers: number; readonly ms: number },
  show: (done: number, of: number) => void,
): Promise<CaseResult> {
  const call = each.call()
  const callNearest = each.callNearest?.() ?? call
  const around = each.around ?? (<T>(_: NearestPool, round: () => Promise<T>): Promise<T> => round())
  const contenders = [
    (ms: number) => around(ours, () => run(() => callNearest(ours), { ...load, ms })),
    (ms: number) => around(theirs, () => run(() => callNearest(theirs), { ...load, ms })),
    (ms: number) => run(() => call(bare), { ...load, ms }),
  ]
  for (const contender of contenders) await contender(WARM_UP_MS)
  const runs = contenders.map((contender) => () => contender(load.ms))
  const [mine = [], other = [], plain = []] = await inRounds(runs, ROUNDS, show)
  return {
    name: each.name,
    callers: load.callers,
    ours: medianSample(mine),
    theirs: medianSample(other),
    bare: medianSample(plain),
    toOther: ratios(mine, other),
    toBare: ratios(mine, plain),
  }
}

function ratios(above: readonly Sample[], below: readonly Sample[]): Ratios {
  const of = (figure: keyof Sample): Ratio => sampleRatio(above, below, figure)
  return { p50: of('p50'), p99: of('p99'), throughput: of('throughput'), cpuUs: of('cpuUs') }
}

function optionsOf(world: World, { where }: BuildCase): NearestPoolOptions {
  return where === 'database' ? { primary: world.url('nrt') } : world.poolOptions('ord')
}

async function prepare(world: World, { Pool }: typeof pg): Promise<void> {
  await using pool = createPool(world.poolOptions('ord'))
  const replica = new Pool({ connectionString: world.url('ord') })
  try {
    await pool.query('create table notes (id int generated always as identity primary key, note text not null)')
    await createUsers(pool, replica)
  } finally {
    await replica.end()
  }
}

/** Right after the write the replica may not have it yet, and the primary answers. */
async function writeAndSee(pool: NearestPool, tries = 100): Promise<void> {
  await pool.query('update users set age = age + 1 where id = 1')
  for (let i = 0; i < tries; i++) {
    const { servedBy } = await pool.query('select age from users where id = 1')
    if (servedBy.server === 'ord') return
  }
  throw new Error('The reads after a write run on the primary, and not on the replica next door.')
}
