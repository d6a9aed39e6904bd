import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BACKLOG_MS,
  MOST_OVERTAKEN,
  nextLending,
  wouldHave,
  type ConnectionsNow,
  type Lending,
} from '../../src/checkout/next-lending.ts'
import type { Preference } from '../../src/checkout/connection-preference.ts'
import type { ConnectionState } from '../../src/pooled-connection/connection-lifecycle.ts'

interface Caller {
  readonly name: string
  readonly preference: () => Preference | undefined
  readonly since: number
  overtaken: number
}

interface Link {
  readonly name: string
  machine: string | undefined
  state: ConnectionState
}

/** `a`: any machine; `a?`: rather `a`; `a!`: only `a`; with a dot: he gives way. */
function caller(wish: string, name = wish, since = 0, overtaken = 0): Caller {
  const machine = wish.slice(0, 1)
  const suits = (each: string): boolean => wish === 'any.' || each === machine
  const preference = { suits, insists: wish.includes('!'), givesWay: wish.endsWith('.') }
  return { name, since, overtaken, preference: () => (wish === 'any' ? undefined : preference) }
}

/** `a idle`: an idle connection to the machine `a`; `? busy`: one that has not told its machine. */
function link(text: string): Link {
  const [machine = '', state = ''] = text.split(' ')
  return { name: text, machine: machine === '?' ? undefined : machine, state: state as ConnectionState }
}

function connectionsOf(
  links: readonly Link[],
  max: number,
  refuses = false,
  dialRoom = Number.POSITIVE_INFINITY,
): ConnectionsNow<Link> {
  return {
    max,
    idle: links.filter(({ state }) => state === 'idle'),
    all: new Set(links),
    dialling: links.filter(({ state }) => state === 'connecting').length,
    dialRoom,
    refuses,
  }
}

function said(step: Lending<Caller, Link> | undefined): string {
  if (step === undefined) return 'nothing'
  if (step.kind === 'lend') return `${step.connection.name} to ${step.waiter.name}`
  return step.kind === 'replace' ? `replace ${step.connection.name}` : 'dial'
}

describe('what happens next', () => {
  test.each<[waiters: string[], links: string[], max: number, next: string]>([
    [[], ['a idle'], 1, 'nothing'],
    [['any'], [], 1, 'dial'],
    [['any'], ['? connecting'], 2, 'nothing'],
    [['any', 'a!'], ['? connecting'], 2, 'dial'],
    [['any'], ['a idle', 'b idle'], 2, 'b idle to any'],
    [['a?'], ['a idle', 'b idle'], 2, 'a idle to a?'],
    [['a?'], ['b idle'], 2, 'b idle to a?'],
    [['a!'], ['? idle', 'b idle'], 2, '? idle to a!'],
    [['a!'], ['b idle'], 2, 'dial'],
    [['a!', 'any'], ['b idle'], 1, 'b idle to any'],
    [['a!', 'b!'], ['b idle', 'a busy'], 2, 'b idle to b!'],
    [['any.'], ['a idle'], 1, 'a idle to any.'],
    [['any.', 'any'], ['a idle'], 1, 'a idle to any'],
    [['any.', 'b?.', 'any.'], ['a idle'], 1, 'a idle to any.'],
    [['any.', 'b!'], ['a idle'], 1, 'a idle to any.'],
    [['b!.', 'any.', 'b!', 'any'], ['a idle'], 1, 'a idle to any'],
    [['b!.', 'any'], ['a idle', 'b idle'], 2, 'b idle to any'],
    [['any.'], ['a lent'], 1, 'nothing'],
    [['any.'], [], 1, 'dial'],
    // Full, and nobody would have it: one of those that are in use will do.
    [['a!'], ['b idle', 'a busy'], 2, 'nothing'],
    [['a!'], ['b idle', '? busy'], 2, 'nothing'],
    [['a!'], ['b idle', 'a settling'], 2, 'nothing'],
    // None of them will.
    [['a!'], ['b idle', 'b busy'], 2, 'replace b idle'],
    [['a!'], ['b idle', 'a lent'], 2, 'replace b idle'],
    [['a!'], ['b idle', 'c idle'], 2, 'replace b idle'],
    // One at a time.
    [['a!', 'a!'], ['b idle', 'b idle', '? connecting'], 3, 'nothing'],
    [['a!', 'a!'], ['b idle', 'b idle', 'b closing'], 3, 'nothing'],
    [['any'], ['a lent'], 1, 'nothing'],
  ])('%j wait, of the connections %j, at most %i: %s', (waiters, links, max, next) => {
    const callers = new Set(waiters.map((wish) => caller(wish)))
    expect(said(nextLending(callers, connectionsOf(links.map(link), max), () => 0))).toBe(next)
  })

  test('no more are dialled at the same time than may be', () => {
    const next = (waiting: number, dialling: number, room: number): string => {
      const links = Array.from({ length: dialling }, () => link('? connecting'))
      const waiters = new Set(Array.from({ length: waiting }, () => caller('any')))
      return said(nextLending(waiters, connectionsOf(links, 10, false, room), () => 0))
    }
    expect(next(5, 0, 1)).toBe('dial')
    expect(next(5, 1, 0)).toBe('nothing')
    expect(next(5, 2, 1)).toBe('dial')
    expect(next(2, 2, 1)).toBe('nothing')
  })

  test('one that leads elsewhere makes room for whoever has waited for long', () => {
    const links = connectionsOf(['b idle', 'a busy'].map(link), 2)
    expect(said(nextLending(new Set([caller('a!')]), links, () => BACKLOG_MS - 1))).toBe('nothing')
    expect(said(nextLending(new Set([caller('a!')]), links, () => BACKLOG_MS))).toBe('replace b idle')
  })

  test('whoever was overtaken often enough takes what there is', () => {
    const links = connectionsOf(['b idle'].map(link), 1)
    const waiters = (overtaken: number) => new Set([caller('a!', 'first', 0, overtaken), caller('any')])
    expect(said(nextLending(waiters(MOST_OVERTAKEN - 1), links, () => 0))).toBe('b idle to any')
    expect(said(nextLending(waiters(MOST_OVERTAKEN), links, () => 0))).toBe('b idle to first')
  })

  test('whoever gives way does so only so often, and where the server refuses connections, too', () => {
    const links = (refuses: boolean) => connectionsOf([link('a idle')], 1, refuses)
    const waiters = (overtaken: number) => new Set([caller('any.', 'patient', 0, overtaken), caller('any')])
    for (const refuses of [false, true]) {
      expect(said(nextLending(waiters(MOST_OVERTAKEN - 1), links(refuses), () => 0))).toBe('a idle to any')
      expect(said(nextLending(waiters(MOST_OVERTAKEN), links(refuses), () => 0))).toBe('a idle to patient')
    }
    const behind = new Set([caller('b!', 'elsewhere'), caller('any.', 'patient'), caller('any.', 'later')])
    const step = nextLending(behind, links(false), () => 0)
    expect(step?.kind === 'lend' && step.overtaken.map(({ name }) => name)).toEqual(['elsewhere'])
    expect(wouldHave(caller('any.'), link('a idle'))).toBe(false)
  })

  test('while the server refuses connections any is better than none', () => {
    expect(said(nextLending(new Set([caller('a!')]), connectionsOf([link('b idle')], 2, true), () => 0))).toBe(
      'b idle to a!',
    )
    expect(said(nextLending(new Set([caller('a!')]), connectionsOf([], 2, true), () => 0))).toBe('nothing')
  })
})

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`violated: ${what}`)
}

const MACHINES = ['a', 'b', 'c']

/** A pool behind a balancer, whose callers' wishes change while they wait. */
class Balanced {
  readonly max: number
  readonly waiters = new Set<Caller>()
  readonly links = new Set<Link>()
  readonly served = new Map<Caller, number>()
  replaced = 0
  #now = 0
  #dialled = 0
  readonly #wishes: readonly string[]
  readonly #leads: readonly number[]

  constructor(max: number, wishes: readonly string[], leads: readonly number[]) {
    this.max = max
    this.#wishes = wishes
    this.#leads = leads
  }

  wait(n: number): void {
    const wish = (): string => this.#wishes[(n + this.#now) % this.#wishes.length] ?? 'any'
    const preference: Caller['preference'] = () => caller(wish()).preference()
    this.waiters.add({ name: `${n}`, since: this.#now, overtaken: 0, preference })
    this.serve()
  }

  in(...states: readonly ConnectionState[]): Link[] {
    return [...this.links].filter(({ state }) => states.includes(state))
  }

  /** Something happens to one connection. */
  happens(n: number): void {
    this.#now += 5
    const links = this.in('connecting', 'busy', 'closing')
    const at = links[n % links.length]
    if (at?.state === 'connecting') at.state = 'idle'
    else if (at?.state === 'closing') this.links.delete(at)
    else if (at?.state === 'busy') {
      at.machine ??= MACHINES[(this.#leads[this.#dialled++ % this.#leads.length] ?? 0) % MACHINES.length]
      at.state = 'idle'
    }
    this.serve()
  }

  serve(): void {
    for (let steps = 0; ; steps++) {
      must(steps < 1_000, 'ends')
      const now = { ...connectionsOf([...this.links], this.max), all: this.links }
      const step = nextLending(this.waiters, now, () => this.#now)
      if (step === undefined) break
      if (step.kind === 'dial') this.links.add(link('? connecting'))
      else if (step.kind === 'replace') {
        must(this.in('connecting', 'closing').length === 0 && this.links.size === this.max, 'one at a time')
        step.connection.state = 'closing'
        this.replaced++
      } else {
        const { waiter, connection, overtaken } = step
        must(connection.state === 'idle', 'lent once')
        must(this.waiters.delete(waiter), 'served once')
        connection.state = 'busy'
        this.served.set(waiter, waiter.overtaken)
        for (const each of overtaken) each.overtaken++
      }
      must(this.links.size <= this.max, 'not too many')
    }
  }
}

const anyPool = fc.record({
  max: fc.integer({ min: 1, max: 5 }),
  wishes: fc.array(fc.constantFrom('any', 'a?', 'b?', 'a!', 'b!', 'c!'), { minLength: 1, maxLength: 6 }),
  leads: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
  deeds: fc.array(fc.tuple(fc.boolean(), fc.nat(20)), { maxLength: 150 }),
})

test('whatever is wished for, nobody starves, there are never too many, and nothing is lent twice', () => {
  fc.assert(
    fc.property(anyPool, ({ max, wishes, leads, deeds }) => {
      const pool = new Balanced(max, wishes, leads)
      for (const [waits, n] of deeds) {
        if (waits) pool.wait(n)
        else pool.happens(n)
      }
      // As long as somebody waits, something is under way; and all are served in the end.
      for (let i = 0; pool.waiters.size > 0; i++) {
        expect(pool.in('connecting', 'busy', 'closing')).not.toEqual([])
        expect(i).toBeLessThan(10_000)
        pool.happens(i)
      }
      for (const overtaken of pool.served.values()) expect(overtaken).toBeLessThanOrEqual(MOST_OVERTAKEN)
    }),
    { numRuns: 1_000 },
  )
})

test('whoever wants what never comes gets what there is, while others come all the time', () => {
  const pool = new Balanced(2, ['c!', 'any', 'any', 'any'], [0, 1])
  const first = caller('c!', 'first')
  pool.waiters.add(first)
  for (let i = 0; i < 200 && pool.waiters.has(first); i++) {
    pool.waiters.add(caller('any', `${i}`))
    pool.happens(i)
  }
  expect(pool.waiters.has(first)).toBe(false)
})

test('the shortest way decides as the whole of it does', () => {
  const anyWish = fc.constantFrom('any', 'a', 'b', 'a!', 'b!')
  const anyLink = fc.constantFrom('a idle', 'b idle', '? idle')
  fc.assert(
    fc.property(anyWish, anyLink, fc.nat(MOST_OVERTAKEN + 1), (wish, text, overtaken) => {
      const first = caller(wish, 'first', 0, overtaken)
      const back = link(text)
      const step = nextLending(new Set([first]), connectionsOf([back], 1), () => 0)
      expect(wouldHave(first, back)).toBe(step?.kind === 'lend')
    }),
  )
})
