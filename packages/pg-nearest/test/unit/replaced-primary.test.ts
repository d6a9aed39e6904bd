import { expect, test } from 'vitest'
import { isBusyElsewhere } from '../../src/connections/replaced-primary.ts'
import { serverClient } from '../../src/pg-client/standby-aware-client.ts'
import type { Demotion } from '../../src/server-watch/monitor-dependencies.ts'

const Client = serverClient({
  server: 'nrt',
  login: () => ({
    address: { host: '127.0.0.1', port: 1, database: undefined, user: undefined, url: undefined },
    password: undefined,
    settings: {},
  }),
})
function reporting(inHotStandby: string | undefined): InstanceType<typeof Client> {
  const client = new Client()
  const status = { parameterName: 'in_hot_standby', parameterValue: inHotStandby }
  const connection = (client as unknown as { connection: NodeJS.EventEmitter }).connection
  if (inHotStandby !== undefined) connection.emit('parameterStatus', status)
  return client
}
const [PRIMARY, STANDBY, UNTOLD] = [reporting('off'), reporting('on'), reporting(undefined)]

const demotion: Demotion = { primary: '5 10.0.0.1 5432', primaryAt: 100, restartDialledAt: 200 }
const unknown: Demotion = { primary: undefined, primaryAt: 100, restartDialledAt: Number.POSITIVE_INFINITY }
const busy = { state: 'busy', client: PRIMARY, since: 150, dialledAt: 150, machine: undefined } as const

test.each<[string, boolean, Demotion, object]>([
  ['a standby, and was made since', true, demotion, { client: STANDBY }],
  ['a standby, and was made before', false, demotion, { client: STANDBY, since: 50 }],
  ['neither', false, demotion, { client: UNTOLD, dialledAt: 250 }],
  ['a primary, and was dialled before that restarted', false, demotion, {}],
  ['a primary, and was dialled later', true, demotion, { dialledAt: 250 }],
  ['a primary, and was dialled later, but is idle', false, demotion, { dialledAt: 250, state: 'idle' }],
  ['a primary on another machine', true, demotion, { machine: '7 10.0.0.2 5432' }],
  ['a primary on the one that was demoted', false, demotion, { machine: '5 10.0.0.1 5432' }],
  ['a primary, where the demoted one is not known', false, unknown, { machine: '7 10.0.0.2 5432', dialledAt: 250 }],
])('a connection that reports %s: leads elsewhere: %s', (_, expected, its, differs) => {
  expect(isBusyElsewhere(its, { ...busy, ...differs })).toBe(expected)
})
