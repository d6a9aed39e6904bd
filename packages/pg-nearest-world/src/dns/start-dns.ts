import { createHash } from 'node:crypto'
import { reservePort } from '../cluster/reserve-port.ts'
import { WorldError } from '../world-error.ts'
import type { Link, World } from '../world-types.ts'
import type { Question } from './dns-message.ts'
import { serveDns } from './dns-server.ts'
import { loopbackAddresses } from './loopback-addresses.ts'
import { scripted, type ScriptedAnswer } from './scripted-answer.ts'
import { recordsFor, type Machine } from './zone.ts'

export interface DnsOptions {
  /** The region from which the addresses are reached, over the world's links. */
  readonly from: string
  /** The name of the database's app, as in `<app>.internal`. Default `db`. */
  readonly app?: string | undefined
  /** Seconds for which an answer may be kept. Default 5, as Fly's. */
  readonly ttlSeconds?: number | undefined
  /** Changes what `mangled` does. Default: `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** Names of a world's servers, in a DNS server of their own. Each server is a machine with an address, on one port for all of them. */
export interface WorldDns extends AsyncDisposable {
  /** For `Resolver.setServers` of node:dns: `127.0.0.1:16053`. */
  readonly address: string
  /** On which every machine listens. */
  readonly port: number
  /** `<app>.internal` */
  readonly host: string
  /** How many questions of a type have come for a name. */
  asked(name: string, type: string): number
  /** Answers a name, or `*`: every name, otherwise than with the truth; `undefined` ends that. */
  script(name: string, answer: ScriptedAnswer | undefined): void
  /** Moves a region's machine to another address, as when Fly's machines migrate: the old one refuses connections. */
  migrate(region: string): Promise<void>
  /** Takes a region's machine out of the names, as when it is cordoned: its address goes on answering. */
  withdraw(region: string): void
  /** Takes a region's machine away; it is gone from the names, and its address refuses connections. */
  remove(region: string): Promise<void>
  close(): Promise<void>
}

interface Placed {
  readonly id: string
  readonly link: Link
}

/**
 * Starts a DNS server that knows a world's servers as Fly knows machines: TXT `regions.<app>.internal` and `vms.<app>.internal`, AAAA and
 * A of `<app>.internal`, `<region>.<app>.internal`, `top<n>.nearest.of.<app>.internal` and `<id>.vm.<app>.internal`, SRV of
 * `_postgresql._tcp.` before any of these. Servers that are down, have no records; a region that joins gets some.
 *
 * Addresses are of 127.0.0.0/8, in AAAA records as `::ffff:127.9.0.1`. On macOS they have to be made first: `sudo ifconfig lo0 alias …`.
 *
 * @throws WorldError if this machine cannot listen on such an address
 */
export async function startDns(world: World, options: DnsOptions): Promise<WorldDns> {
  const { from, app = 'db', ttlSeconds = 5, random = Math.random } = options
  const host = `${app}.internal`
  const machinesPort = await reservePort()
  const { port } = machinesPort
  const nextAddress = loopbackAddresses()
  const scripts = new Map<string, ScriptedAnswer>()
  const placed = new Map<string, Placed>()
  const withdrawn = new Set<string>()
  const asked = new Map<string, number>()
  let placing: Promise<void> = Promise.resolve()

  const place = async (region: string): Promise<void> => {
    const link = await openAt(world, from, region, { host: nextAddress(), port })
    placed.set(region, { id: placed.get(region)?.id ?? idOf(region), link })
  }
  /** Regions may have joined. */
  const placeAll = (): Promise<void> => {
    placing = placing
      .catch(() => undefined)
      .then(async () => {
        for (const region of world.regions) if (!placed.has(region) && !withdrawn.has(region)) await place(region)
      })
    return placing
  }
  const machines = (): Machine[] =>
    [...placed]
      .filter(([region]) => !withdrawn.has(region))
      .map(([region, { id, link }]) => ({
        id,
        region,
        address: link.host,
        port: link.port,
        started: world.isUp(region),
      }))

  const truth = async (question: Question): Promise<Parameters<typeof scripted>[1]> => {
    await placeAll()
    const distance = (region: string): number => world.rtt(from, region)
    const records = recordsFor({ app, machines: machines(), ttlSeconds, distance }, question)
    return records === undefined ? { status: 'NXDOMAIN', records: [] } : { status: 'NOERROR', records }
  }
  const server = await serveDns(async (question) => {
    const name = question.name.toLowerCase()
    const key = `${name} ${question.type}`
    asked.set(key, (asked.get(key) ?? 0) + 1)
    const script = scripts.get(name) ?? scripts.get('*')
    return scripted(script, await truth(question), random)
  })

  const linkOf = (region: string): Link => {
    const machine = placed.get(region)
    if (machine !== undefined) return machine.link
    throw new WorldError('WORLD_UNKNOWN_REGION', `No machine of ${host} stands in ${JSON.stringify(region)}.`)
  }
  const dns: WorldDns = {
    address: server.address,
    port,
    host,
    asked: (name, type) => asked.get(`${name.toLowerCase()} ${type}`) ?? 0,
    script(name, answer) {
      if (answer === undefined) scripts.delete(name.toLowerCase())
      else scripts.set(name.toLowerCase(), answer)
    },
    async migrate(region) {
      const old = linkOf(region)
      await place(region)
      await old.close()
    },
    withdraw(region) {
      linkOf(region)
      withdrawn.add(region)
    },
    async remove(region) {
      const old = linkOf(region)
      withdrawn.add(region)
      placed.delete(region)
      await old.close()
    },
    async close() {
      await server.close()
      await placing.catch(() => undefined)
      await Promise.all([...placed.values()].map(({ link }) => link.close()))
      await machinesPort.release()
    },
    [Symbol.asyncDispose]: () => dns.close(),
  }
  await placeAll()
  return dns
}

async function openAt(world: World, from: string, to: string, at: { host: string; port: number }): Promise<Link> {
  try {
    return await world.link({ from, to, at })
  } catch (error) {
    if (error instanceof WorldError) throw error
    throw new WorldError(
      'WORLD_SERVER_FAILED',
      `This machine cannot listen on ${at.host}. On macOS its address has to be made: sudo ifconfig lo0 alias ${at.host}`,
      { cause: error },
    )
  }
}

/** 14 hexadecimal digits, as Fly's; the same each time. */
function idOf(region: string): string {
  return createHash('sha256').update(region).digest('hex').slice(0, 14)
}
