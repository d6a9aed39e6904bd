import { describe, expect, test } from 'vitest'
import { whyInvalid } from '../../src/topology/invalid-member.ts'
import {
  initialTopology,
  withAnswer,
  withFailure,
  withoutPipelines,
  withoutServer,
  withServers,
  withStandbysAnswer,
  type Observed,
} from '../../src/observations/topology-updates.ts'
import { dormantTopology } from '../../src/observations/dormant-topology.ts'
import { GONE, observation } from './observation.ts'
import { readTiers, writeOrder } from '../../src/server-selection/server-selection.ts'
import { serverProblem } from '../../src/failures/server-problem.ts'
import type { Server, ServerState } from '../../src/topology/topology-types.ts'

const nrt: Server = { name: 'nrt', region: 'nrt', declared: 'primary' }
const ord: Server = { name: 'ord', region: 'ord', declared: 'replica' }

function stateOf({ topology }: Observed, name: string): ServerState {
  const state = topology.servers.find((server) => server.name === name)
  if (state === undefined) throw new Error(`no ${name}`)
  return state
}

const fresh = (): Observed => initialTopology([nrt, ord], 0)

describe('what is known of the servers', () => {
  test('nothing, at first', () => {
    expect(stateOf(fresh(), 'ord')).toMatchObject({ role: 'unknown', health: 'connecting', rttMs: undefined })
  })

  test('an answer is taken up, and the snapshot before it is left as it was', () => {
    const before = fresh()
    const after = withAnswer(before, 'ord', observation('replica'))
    expect(stateOf(after, 'ord')).toMatchObject({ role: 'replica', health: 'up', rttMs: 10, lastSeenAt: 1_010 })
    expect(stateOf(after, 'nrt')).toBe(stateOf(before, 'nrt'))
    expect(stateOf(before, 'ord').role).toBe('unknown')
  })

  test('the round trip is a moving average', () => {
    const once = withAnswer(fresh(), 'ord', observation('replica', { rttMs: 10 }))
    expect(stateOf(withAnswer(once, 'ord', observation('replica', { rttMs: 20 })), 'ord').rttMs).toBe(12)
  })

  test('the distance falls at once and rises slowly', () => {
    const once = withAnswer(fresh(), 'ord', observation('replica', { rttMs: 10 }))
    const busy = withAnswer(once, 'ord', observation('replica', { rttMs: 74 }))
    expect(stateOf(busy, 'ord').leastRttMs).toBe(11)
    expect(stateOf(withAnswer(busy, 'ord', observation('replica', { rttMs: 9 })), 'ord').leastRttMs).toBe(9)
  })

  test('what leaves several statements unanswered is used on, and is a problem until it answers them', () => {
    const before = withAnswer(fresh(), 'ord', observation('replica'))
    const { topology } = withoutPipelines(before, 'ord', 2_000)
    const state = stateOf({ topology, trail: [] }, 'ord')
    expect(state).toMatchObject({ health: 'up', pipelines: false })
    expect(serverProblem(topology, state)?.message).toMatch(
      /^ord does not answer what is sent at once.*pipeline: false/,
    )
    const after = withAnswer({ topology, trail: [] }, 'ord', observation('replica', { pipelines: true }))
    expect(serverProblem(after.topology, stateOf(after, 'ord'))).toBeUndefined()
  })

  test('a failure keeps what was known, and says why', () => {
    const up = withAnswer(fresh(), 'ord', observation('replica'))
    const refused = { code: 'NEAREST_NOTHING_LISTENS', message: 'ord refused the connection.' } as const
    const down = withFailure(up, 'ord', 'unreachable', refused, 2_000)
    expect(stateOf(down, 'ord')).toMatchObject({
      role: 'replica',
      health: 'down',
      problem: 'ord refused the connection.',
      problemCode: 'NEAREST_NOTHING_LISTENS',
    })
    expect(stateOf(withAnswer(down, 'ord', observation('replica')), 'ord')).toMatchObject({
      health: 'up',
      problem: undefined,
      problemCode: undefined,
    })
  })

  test('lag is counted in bytes and in time, from the primary’s own positions', () => {
    const first = withAnswer(fresh(), 'nrt', observation('primary', { lsn: 1_000n, askedAt: 1_000 }))
    const second = withAnswer(first, 'nrt', observation('primary', { lsn: 1_500n, askedAt: 2_000 }))
    const behind = withAnswer(second, 'ord', observation('replica', { lsn: 1_200n, answeredAt: 2_100 }))
    expect(stateOf(behind, 'ord')).toMatchObject({ lagBytes: 300, stalenessMs: 1_100 })
    const level = withAnswer(second, 'ord', observation('replica', { lsn: 1_500n, answeredAt: 2_100 }))
    expect(stateOf(level, 'ord')).toMatchObject({ lagBytes: 0, stalenessMs: 100 })
  })

  test('without a primary nothing is said of lag', () => {
    const alone = withAnswer(fresh(), 'ord', observation('replica'))
    expect(stateOf(alone, 'ord')).toMatchObject({ lagBytes: undefined, stalenessMs: undefined })
  })

  test('after a promotion lag is counted from the new primary', () => {
    const down = withFailure(
      withAnswer(fresh(), 'nrt', observation('primary', { lsn: 9_000n })),
      'nrt',
      'unreachable',
      GONE,
      1_500,
    )
    const promoted = withAnswer(down, 'ord', observation('primary', { lsn: 5_000n, timeline: 2, askedAt: 2_000 }))
    const follower = withAnswer(
      promoted,
      'nrt',
      observation('replica', { lsn: 4_900n, timeline: 2, answeredAt: 2_050 }),
    )
    expect(stateOf(follower, 'nrt')).toMatchObject({ role: 'replica', health: 'up', lagBytes: 100 })
  })
})

describe('another list of servers', () => {
  const syd: Server = { name: 'syd', region: 'syd', declared: 'replica' }
  const same = (): boolean => true
  const known = withAnswer(withAnswer(fresh(), 'nrt', observation('primary')), 'ord', observation('replica'))

  test('a new one is connected to, and what is known of the others stays', () => {
    const { topology } = withServers(known, [nrt, ord, syd], same, 5_000)
    expect(topology.servers.map(({ name, health }) => `${name} ${health}`)).toEqual([
      'nrt up',
      'ord up',
      'syd connecting',
    ])
  })

  test('one that is gone leaves, is not chosen, and is forgotten', () => {
    const left = withServers(known, [nrt, syd], same, 5_000)
    expect(stateOf(left, 'ord')).toMatchObject({ health: 'leaving', since: 5_000 })
    expect(
      readTiers(left.topology, 'ord')
        .flat()
        .map(({ server }) => server.name),
    ).not.toContain('ord')
    expect(withoutServer(left, 'ord', 6_000).topology.servers.map(({ name }) => name)).toEqual(['nrt', 'syd'])
    expect(withoutServer(known, 'ord', 6_000).topology.servers, 'only one that leaves').toHaveLength(2)
  })

  test('another URL under an old name is another server', () => {
    const { topology } = withServers(known, [nrt, ord], (name) => name !== 'ord', 5_000)
    expect(topology.servers.map(({ name, health }) => `${name} ${health}`)).toEqual(['nrt up', 'ord connecting'])
  })

  test('another primary begins a trail of its own, so that the former one proves nothing of what may be another cluster', () => {
    expect(withServers(known, [nrt, ord], same, 5_000).trail).toEqual(known.trail)
    expect(known.trail).not.toEqual([])
    expect(withServers(known, [nrt, ord], (name) => name !== 'nrt', 5_000).trail).toEqual([])
    expect(withServers(known, [ord, { ...syd, declared: 'primary' }], same, 5_000).trail).toEqual([])
  })

  test('one that comes back while it leaves begins anew', () => {
    const left = withServers(known, [nrt], same, 5_000)
    expect(stateOf(withServers(left, [nrt, ord], same, 6_000), 'ord').health).toBe('connecting')
  })
})

describe('a server in the wrong place', () => {
  const withPrimary = withAnswer(fresh(), 'nrt', observation('primary'))
  const withReplica = withAnswer(withPrimary, 'ord', observation('replica'))
  test.each([
    { name: 'a replica in its place', seen: observation('replica'), says: undefined },
    { name: 'the primary itself', seen: observation('primary'), says: 'replicas.ord is the primary itself' },
    {
      name: 'another cluster',
      seen: observation('replica', { systemIdentifier: '8' }),
      says: 'another cluster than nrt',
    },
  ])('$name', ({ seen, says }) => {
    const observed = withAnswer(withPrimary, 'ord', seen)
    const told = whyInvalid(observed.topology, stateOf(observed, 'ord'))
    if (says === undefined) expect(told).toBeUndefined()
    else expect(told).toContain(says)
  })

  test('of two primaries the one with the later timeline is in its place, whatever the configuration says', () => {
    const { topology, trail } = withAnswer(withReplica, 'ord', observation('primary', { timeline: 2 }))
    expect(whyInvalid(topology, stateOf({ topology, trail }, 'ord'))).toBeUndefined()
    expect(whyInvalid(topology, stateOf({ topology, trail }, 'nrt'))).toContain(
      'ord was promoted after it (timeline 2, not 1)',
    )
    expect(writeOrder(topology).map(({ name }) => name)).toEqual(['ord'])
  })

  test('a primary that was replaced and is gone is not said to say anything', () => {
    const both = withAnswer(withReplica, 'ord', observation('primary', { timeline: 2 }))
    const gone = withFailure(both, 'nrt', 'unreachable', GONE, 3_000)
    expect(whyInvalid(gone.topology, stateOf(gone, 'nrt'))).toMatch(
      /^nrt does not answer, and is the primary no more: ord was promoted after it/,
    )
  })

  test('a primary that was replaced stays so while its successor is gone, and when only a follower of that one is seen', () => {
    const both = withAnswer(withReplica, 'ord', observation('primary', { timeline: 2 }))
    const alone = withFailure(both, 'ord', 'silent', GONE, 3_000)
    expect(whyInvalid(alone.topology, stateOf(alone, 'nrt'))).toContain('ord')
    const follower = withAnswer(withPrimary, 'ord', observation('replica', { timeline: 2 }))
    expect(whyInvalid(follower.topology, stateOf(follower, 'nrt'))).toContain('follows one that was promoted after it')
  })

  test('a later primary that nobody has seen in recovery may be a restored backup: nobody gets writes, and both are named', () => {
    const both = withAnswer(withPrimary, 'ord', observation('primary', { timeline: 2 }))
    expect(writeOrder(both.topology)).toEqual([])
    for (const name of ['nrt', 'ord']) {
      expect(serverProblem(both.topology, stateOf(both, name))?.message).toMatch(
        /^nrt \(timeline 1\) and ord \(timeline 2\) both say/,
      )
    }
    // Nor when the primary is gone: who was seen beside it has not succeeded it.
    const gone = withFailure(both, 'nrt', 'silent', GONE, 9)
    expect(writeOrder(gone.topology).map(({ name }) => name)).toEqual(['nrt'])
    const unseen = withAnswer(
      withFailure(withPrimary, 'nrt', 'silent', GONE, 9),
      'ord',
      observation('primary', { timeline: 2 }),
    )
    expect(writeOrder(unseen.topology).map(({ name }) => name)).toEqual(['ord'])
  })

  describe('a name that led to a standby, and leads to a primary', () => {
    const at = (role: 'primary' | 'replica', machine: string | undefined) =>
      observation(role, { machine, timeline: role === 'primary' ? 2 : 1 })
    const heard = (...answers: ReturnType<typeof at>[]): Observed =>
      answers.reduce((before, answer) => withAnswer(before, 'ord', answer), withPrimary)
    const writers = ({ topology }: Observed): string[] => writeOrder(topology).map(({ name }) => name)

    test('of another machine, which may be a restored backup: nobody gets writes, and both are named', () => {
      const moved = heard(at('replica', '17.5 10.0.0.1 5432'), at('primary', '18.5 10.0.0.2 5432'))
      expect(writers(moved)).toEqual([])
      expect(serverProblem(moved.topology, stateOf(moved, 'nrt'))?.message).toMatch(
        /^nrt \(timeline 1\) and ord \(timeline 2\) both say/,
      )
      const again = withAnswer(moved, 'ord', at('primary', '18.5 10.0.0.2 5432'))
      expect(writers(again)).toEqual([])
      expect(writers(heard(at('replica', 'M1'), at('primary', '18.5 10.0.0.2 5432')))).toEqual([])
    })

    test('of another machine gets them once the declared primary, beside which it was not seen, is gone', () => {
      const gone = withFailure(heard(at('replica', '17.5 10.0.0.1 5432')), 'nrt', 'silent', GONE, 9)
      expect(writers(withAnswer(gone, 'ord', at('primary', '18.5 10.0.0.2 5432')))).toEqual(['ord'])
    })

    test.each<[string, string | undefined, string | undefined]>([
      ['that is the same', '17.5 10.0.0.1 5432', '17.5 10.0.0.1 5432'],
      ['that has restarted', '17.5 10.0.0.1 5432', '18.5 10.0.0.1 5432'],
      ['that is reached at another address of its own', '17.5 10.0.0.1 5432', '17.5 fd00::1 5432'],
      ['that has restarted, and tells no address', '17.5', '18.5'],
      ['that does not tell which it is', undefined, undefined],
      ['that does not tell any more which it is', '17.5 10.0.0.1 5432', undefined],
      ['that did not tell which it is', undefined, '17.5 10.0.0.1 5432'],
    ])('%s: it was promoted', (_, before, after) => {
      const promoted = heard(at('replica', before), at('primary', after))
      expect(writers(promoted)).toEqual(['ord'])
      expect(writers(withAnswer(promoted, 'ord', at('primary', after)))).toEqual(['ord'])
    })

    describe('at an address that another server tells, too, as in containers on several hosts', () => {
      const PLACE = '172.17.0.2 5432'
      const shared = withAnswer(withPrimary, 'nrt', observation('primary', { machine: `16.5 ${PLACE}` }))
      const promoted = (...answers: ReturnType<typeof at>[]): string[] =>
        writers(answers.reduce((before, answer) => withAnswer(before, 'ord', answer), shared))

      test('started later: it may be another one, and a restored backup', () => {
        expect(promoted(at('replica', `17.5 ${PLACE}`), at('primary', `18.5 ${PLACE}`))).toEqual([])
        const twice = [at('primary', `18.5 ${PLACE}`), at('primary', `18.5 ${PLACE}`)]
        expect(promoted(at('replica', `17.5 ${PLACE}`), ...twice)).toEqual([])
      })

      test('that has not restarted: it was promoted', () => {
        expect(promoted(at('replica', `17.5 ${PLACE}`), at('primary', `17.5 ${PLACE}`))).toEqual(['ord'])
        const turned = [at('replica', `17.6 ${PLACE}`), at('primary', `17.6 ${PLACE}`)]
        expect(promoted(at('replica', `17.5 ${PLACE}`), ...turned)).toEqual(['ord'])
      })

      test('that is told by another name for the same one: it was promoted', () => {
        const alias = withAnswer(withPrimary, 'nrt', at('replica', `18.5 ${PLACE}`))
        const answers = [at('replica', `17.5 ${PLACE}`), at('replica', `18.5 ${PLACE}`)]
        const known = answers.reduce((before, answer) => withAnswer(before, 'ord', answer), alias)
        expect(stateOf(withAnswer(known, 'ord', at('primary', `18.5 ${PLACE}`)), 'ord').seenInRecovery).toBe(true)
      })
    })

    test('and leads to others in turn: each is known by what it was itself', () => {
      const [one, two, backup] = ['17.5 10.0.0.1 5432', '17.6 10.0.0.2 5432', '18.5 10.0.0.3 5432']
      const promoted = heard(at('replica', one), at('replica', two), at('primary', one))
      expect(writers(promoted)).toEqual(['ord'])
      const turned = withAnswer(promoted, 'ord', at('primary', backup))
      expect(writers(turned)).toEqual([])
      expect(writers(withAnswer(turned, 'ord', at('primary', one)))).toEqual(['ord'])
      // The standbys that answer behind a primary's name, too.
      const beside = withStandbysAnswer(heard(at('primary', one)), 'ord', at('replica', two), [])
      expect(writers(withAnswer(beside, 'ord', at('primary', two)))).toEqual(['ord'])
      // A connection has told what no probe has asked.
      const member = { machine: two, role: 'replica', lsn: undefined, timeline: 1 } as const
      const balanced = withAnswer(withPrimary, 'ord', at('replica', one), [member])
      expect(writers(withAnswer(balanced, 'ord', at('primary', two)))).toEqual(['ord'])
    })

    test('remembers no more machines than it may', () => {
      const many = Array.from({ length: 100 }, (_, i) => at('replica', `17.5${i} 10.0.0.${i} 5432`))
      const { standbys } = stateOf(heard(...many), 'ord')
      expect(standbys).toHaveLength(32)
      expect(standbys.at(-1)).toBe('17.599 10.0.0.99 5432')
      expect(stateOf(heard(at('replica', '17 a 1'), at('replica', '18 a 1')), 'ord').standbys).toEqual(['18 a 1'])
      const once = heard(at('replica', '17 a 1'))
      expect(stateOf(withAnswer(once, 'ord', at('replica', '17 a 1')), 'ord').standbys).toBe(
        stateOf(once, 'ord').standbys,
      )
    })
  })

  describe('a restored backup that was seen beside the primary', () => {
    const [backup, other] = ['18.5 10.0.0.9 5432', '17.5 10.0.0.2 5432']
    const says = (machine: string | undefined) => observation('primary', { machine, timeline: 2 })
    const writers = ({ topology }: Observed): string[] => writeOrder(topology).map(({ name }) => name)
    const gone = (both: Observed): Observed => withFailure(both, 'nrt', 'silent', GONE, 9)
    const beside = gone(withAnswer(withPrimary, 'ord', says(backup)))

    test('shows nothing of a machine to which its name leads since: that one was promoted', () => {
      expect(writers(withAnswer(beside, 'ord', says(backup)))).toEqual(['nrt'])
      const moved = withAnswer(beside, 'ord', says(other))
      expect(writers(moved)).toEqual(['ord'])
      expect(writers(withAnswer(moved, 'ord', says(other)))).toEqual(['ord'])
      expect(writers(withAnswer(moved, 'ord', says(backup)))).toEqual(['nrt'])
    })

    test.each<[string, string | undefined, string | undefined]>([
      ['has restarted', backup, '19.5 10.0.0.9 5432'],
      ['does not tell which machine it is', undefined, undefined],
      ['does not tell any more which machine it is', backup, undefined],
      ['did not tell which machine it is', undefined, backup],
    ])('and that %s, stays one', (_, before, after) => {
      const both = gone(withAnswer(withPrimary, 'ord', says(before)))
      expect(writers(withAnswer(both, 'ord', says(after)))).toEqual(['nrt'])
    })

    test('is not the primary itself, to which another name leads', () => {
      const { topology } = withAnswer(
        withPrimary,
        'ord',
        observation('primary', { machine: stateOf(withPrimary, 'nrt').machine }),
      )
      expect(topology.rivals).toEqual([])
    })

    test('is known behind another name, too, and when nobody asks the servers any more', () => {
      const added = withServers(beside, [nrt, ord, { ...ord, name: 'new' }], () => true, 9)
      expect(writers(withAnswer(added, 'new', says(backup)))).toEqual(['nrt'])
      expect(writers(withAnswer(added, 'new', says(other)))).toEqual(['new'])
      const dormant = dormantTopology(added.topology, 10)
      const asked = gone(withAnswer(dormant, 'nrt', observation('primary')))
      expect(writers(withAnswer(asked, 'new', says(backup)))).toEqual(['nrt'])
    })
  })

  test('what says that it is the primary before the declared one was heard gets nothing without evidence', () => {
    const alone = withAnswer(withFailure(fresh(), 'nrt', 'silent', GONE, 9), 'ord', observation('primary'))
    expect(writeOrder(alone.topology).map(({ name }) => name)).not.toContain('ord')
    expect(serverProblem(alone.topology, stateOf(alone, 'ord'))?.message).toContain('the option "cluster"')
    const named = withAnswer(
      withFailure(initialTopology([nrt, ord], 0, { cluster: '7' }), 'nrt', 'silent', GONE, 9),
      'ord',
      observation('primary'),
    )
    expect(writeOrder(named.topology).map(({ name }) => name)).toContain('ord')
    const wrong = withAnswer(initialTopology([nrt, ord], 0, { cluster: '8' }), 'ord', observation('primary'))
    expect(serverProblem(wrong.topology, stateOf(wrong, 'ord'))?.message).toContain(
      'another cluster than "cluster" (8)',
    )
  })

  test('a primary that takes no writes is a problem', () => {
    const fenced = withAnswer(fresh(), 'nrt', observation('primary', { readOnly: true }))
    expect(serverProblem(fenced.topology, stateOf(fenced, 'nrt'))?.message).toMatch(
      /^nrt is a primary that takes no writes: .*Does the role or the database have that setting/,
    )
  })

  test('a promoted replica is in its place once the old primary is gone', () => {
    const failedOver = withFailure(
      withAnswer(withPrimary, 'ord', observation('primary', { timeline: 2 })),
      'nrt',
      'silent',
      GONE,
      9,
    )
    expect(whyInvalid(failedOver.topology, stateOf(failedOver, 'ord'))).toBeUndefined()
  })
})
