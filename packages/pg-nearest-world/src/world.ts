import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runSql } from './cluster/run-sql.ts'
import { baseBackup } from './cluster/base-backup.ts'
import { APP_ROLE, configure, DEFAULT_DATABASE, follow, unpackTemplate } from './cluster/data-directory.ts'
import { createServer, type Server } from './cluster/server.ts'
import {
  isReplayPaused,
  waitAndCheckDiverged,
  pauseReplay,
  promote,
  resumeReplay,
  waitUntilStreaming,
} from './cluster/standby-control.ts'
import { createNetwork, type Link, type Network } from './wan/network.ts'
import { settleAll } from './settle-all.ts'
import { prepareWorldResources, type WorldResources } from './world-resources.ts'
import { regionStatus } from './region-status.ts'
import { WorldError } from './world-error.ts'
import { parseAmount, parseRegion, parseWorldOptions, type ParsedWorldOptions } from './world-options.ts'
import type { LinkOptions, RegionStatus, UrlOptions, World, WorldOptions, WorldPoolOptions } from './world-types.ts'

/**
 * Starts a PostgreSQL server in each region. The replicas stream from the primary over links with the delay of the real
 * distance. Takes about a second for five regions, and some seconds more the first time on a machine, when the data
 * directory that is copied for each server has to be initialised.
 *
 * @example
 * ```ts
 * import { startWorld } from 'pg-nearest-world'
 *
 * await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'] })
 * console.log(world.url('ord'), world.url('nrt', { from: 'ord' }))
 * ```
 *
 * @throws WorldError if an option is invalid, if there are no PostgreSQL binaries, or if a server does not start.
 */
export async function startWorld(options: WorldOptions): Promise<World> {
  const parsed = parseWorldOptions(options)
  const resources = await prepareWorldResources(parsed)
  const world = new RunningWorld(parsed, resources)
  try {
    await world.boot()
  } catch (error) {
    await world.stop()
    throw error
  }
  return world
}

/** With fixed ports, how many are left for servers before those of the links. */
const LINKS_FROM = 100

class RunningWorld implements World {
  readonly #options: ParsedWorldOptions
  readonly #resources: WorldResources
  readonly #network: Network
  readonly #servers = new Map<string, Server>()
  /** Servers that were down during a promotion: their timeline may have diverged from the new primary's. */
  readonly #outdated = new Set<string>()
  #primary: string
  #work: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | undefined
  readonly #end = new AbortController()

  constructor(options: ParsedWorldOptions, resources: WorldResources) {
    this.#options = options
    this.#resources = resources
    this.#primary = options.regions[0] ?? ''
    this.#network = createNetwork(options.ports === undefined ? undefined : options.ports + LINKS_FROM)
  }

  async boot(): Promise<void> {
    const { regions, onProgress, database } = this.#options
    const total = regions.length + 2
    let done = 1
    const progress = (step: string): void => onProgress({ done: done++, total, step })
    progress('laying the links')
    for (const region of regions) {
      // oxlint-disable-next-line no-await-in-loop -- each is linked to those before it
      await this.#addServer(region)
    }
    const ready = this.#server(this.#primary)
    const primaryReady = this.#make(ready).then(async () => {
      if (database !== DEFAULT_DATABASE)
        await runSql(ready.adminUrl('postgres'), `create database ${database} owner ${APP_ROLE}`)
    })
    await settleAll(
      regions.map(async (region) => {
        const server = this.#server(region)
        if (server === ready) await primaryReady
        else {
          await this.#make(server)
          await primaryReady
          await this.#streams(server)
        }
        progress(server === ready ? `${region} takes writes` : `${region} follows`)
      }),
    )
    for (const a of regions) for (const b of regions) if (a < b) this.#network.setRtt(a, b, this.#options.rtt(a, b))
  }

  get regions(): readonly string[] {
    return [this.#primary, ...[...this.#servers.keys()].filter((region) => region !== this.#primary)]
  }

  get primary(): string {
    return this.#primary
  }

  get version(): string {
    return this.#resources.binaries.version
  }

  url(region: string, { from = region, as = 'app' }: UrlOptions = {}): string {
    const server = this.#server(region)
    this.#server(from)
    const port = from === region ? undefined : this.#network.port(from, region)
    return as === 'superuser' ? server.adminUrl(this.#options.database, port) : server.url(port)
  }

  poolOptions(region: string): WorldPoolOptions {
    const replicas = this.regions.filter((each) => each !== this.#primary)
    return {
      region,
      primary: { region: this.#primary, url: this.url(this.#primary, { from: region }) },
      replicas: Object.fromEntries(replicas.map((each) => [each, this.url(each, { from: region })])),
    }
  }

  isUp(region: string): boolean {
    return this.#server(region).running
  }

  link({ from, to, port, at }: LinkOptions): Promise<Link> {
    const server = this.#server(to)
    this.#server(from)
    return this.#network.openLink(from, to, () => port ?? server.listeningPort, at)
  }

  rtt(a: string, b: string): number {
    this.#pair(a, b, true)
    return this.#network.rtt(a, b)
  }

  setRtt(a: string, b: string, ms: number): void {
    this.#pair(a, b)
    this.#network.setRtt(a, b, finite(parseAmount(ms, 'The round trip in milliseconds', 0)))
  }

  setJitter(a: string, b: string, ms: number): void {
    this.#pair(a, b)
    this.#network.setJitter(a, b, finite(parseAmount(ms, 'The jitter in milliseconds', 0)))
  }

  setBandwidth(a: string, b: string, bytesPerSecond: number): void {
    this.#pair(a, b)
    this.#network.setBandwidth(a, b, parseAmount(bytesPerSecond, 'The bandwidth in bytes per second', 1))
  }

  partition(a: string, b: string): void {
    this.#pair(a, b)
    this.#network.partition(a, b)
  }

  heal(a: string, b: string): void {
    this.#pair(a, b)
    this.#network.heal(a, b)
  }

  isPartitioned(a: string, b: string): boolean {
    this.#pair(a, b, true)
    return this.#network.partitioned(a, b)
  }

  kill(region: string): Promise<void> {
    return this.#inTurn(async () => {
      const server = this.#server(region)
      if (server.running) return server.kill()
      throw new WorldError('WORLD_WRONG_STATE', `The server in ${region} is dead already: start it before.`)
    })
  }

  start(region: string): Promise<void> {
    return this.#inTurn(async () => {
      const server = this.#server(region)
      if (server.running) return
      if (this.#outdated.has(region)) await this.#cloneAnew(server)
      else await this.#launch(server)
    })
  }

  pauseReplay(region: string): Promise<void> {
    return this.#inTurn(() => pauseReplay(region, this.#liveReplica(region).adminUrl()))
  }

  resumeReplay(region: string): Promise<void> {
    return this.#inTurn(() => resumeReplay(this.#liveReplica(region).adminUrl()))
  }

  promote(region: string): Promise<void> {
    return this.#inTurn(async () => {
      const chosen = this.#liveReplica(region)
      const old = this.#server(this.#primary)
      const oldLived = old.running
      await old.kill()
      const position = await promote(chosen.adminUrl())
      this.#primary = region
      this.#outdated.add(old.region)
      const others = [...this.#servers.values()].filter((server) => server !== chosen && server !== old)
      await settleAll([
        ...others.map((server) => this.#followNewPrimary(server, position)),
        ...(oldLived ? [this.#cloneAnew(old)] : []),
      ])
    })
  }

  addRegion(region: string): Promise<void> {
    return this.#inTurn(async () => {
      parseRegion(region, 'region')
      if (this.#servers.has(region)) {
        throw new WorldError('WORLD_BAD_OPTION', `There is a server in ${region} already: name another region.`)
      }
      this.#livePrimary()
      const distances = this.regions.map((other) => [other, this.#options.rtt(region, other)] as const)
      const server = await this.#addServer(region)
      try {
        await this.#cloneAnew(server)
      } finally {
        for (const [other, ms] of distances) this.#network.setRtt(region, other, ms)
      }
    })
  }

  status(): Promise<readonly RegionStatus[]> {
    this.#throwIfStopped()
    return Promise.all(this.regions.map((region) => regionStatus(this.#server(region))))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    const { folder, watchdog } = this.#resources
    const stopServers = (): Promise<void> => settleAll([...this.#servers.values()].map((server) => server.stop()))
    // Work in progress fails once the servers it waits for stop, but it may have started another one before that.
    this.#end.abort(stopped())
    await stopServers()
    await this.#work
    await stopServers()
    await Promise.all([...this.#servers.values()].map((server) => server.releasePort()))
    await this.#network.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    await watchdog.dismiss()
  }

  async #addServer(region: string): Promise<Server> {
    const { folder, binaries, osUser, template } = this.#resources
    const { database, ports } = this.#options
    const { password } = template
    const data = join(folder, region)
    const port = ports === undefined ? undefined : ports + this.#servers.size
    const server = await createServer({ region, data, binaries, osUser, password, database, port })
    this.#servers.set(region, server)
    await this.#network.addRegion(region, () => server.listeningPort)
    return server
  }

  async #make(server: Server): Promise<void> {
    await unpackTemplate(this.#resources.template, server.data, this.#resources.osUser)
    await this.#begin(server)
  }

  /** Starts a server as the primary or as a replica, whichever it is now. */
  async #begin(server: Server): Promise<void> {
    const { binaries, osUser } = this.#resources
    await configure(server.data, binaries, this.#options.settings, osUser)
    if (server.region !== this.#primary) await this.#point(server)
    await server.start()
  }

  /** As `begin`, and waits until a replica streams, if it can reach the primary. */
  async #launch(server: Server): Promise<void> {
    await this.#begin(server)
    if (server.region !== this.#primary && this.#canStream(server)) await this.#streams(server)
  }

  #canStream({ region }: Server): boolean {
    return this.#server(this.#primary).running && !this.#network.partitioned(region, this.#primary)
  }

  #streams(server: Server): Promise<void> {
    return waitUntilStreaming(
      server.region,
      server.adminUrl(),
      this.#network.port(server.region, this.#primary),
      this.#end.signal,
    )
  }

  async #point({ region, data }: Server): Promise<void> {
    const port = this.#network.port(region, this.#primary)
    await follow(data, { port, password: this.#resources.template.password, name: region }, this.#resources.osUser)
  }

  async #followNewPrimary(server: Server, position: string): Promise<void> {
    if (!server.running) {
      this.#outdated.add(server.region)
      return
    }
    await this.#point(server)
    server.reload()
    const port = this.#network.port(server.region, this.#primary)
    if (await waitAndCheckDiverged(server.region, server.adminUrl('postgres'), port, position, this.#end.signal)) {
      await server.kill()
      await this.#cloneAnew(server)
    } else if (this.#canStream(server) && !(await isReplayPaused(server.adminUrl('postgres')))) {
      // One that is paused follows when it replays again.
      await this.#streams(server)
    }
  }

  async #cloneAnew(server: Server): Promise<void> {
    const primary = this.#livePrimary()
    this.#outdated.add(server.region)
    await rm(server.data, { recursive: true, force: true, maxRetries: 5 })
    await baseBackup(primary.adminUrl(), primary.data, server.data, this.#resources.osUser)
    await this.#launch(server)
    this.#outdated.delete(server.region)
  }

  #server(region: string): Server {
    this.#throwIfStopped()
    const server = this.#servers.get(region)
    if (server !== undefined) return server
    throw new WorldError(
      'WORLD_UNKNOWN_REGION',
      `There is no region ${JSON.stringify(region)} in this world: there are ${this.regions.join(', ')}.`,
    )
  }

  #livePrimary(): Server {
    const server = this.#server(this.#primary)
    if (server.running) return server
    throw new WorldError(
      'WORLD_WRONG_STATE',
      `The primary in ${this.#primary} is dead: start it, or promote a replica.`,
    )
  }

  #liveReplica(region: string): Server {
    const server = this.#server(region)
    if (region === this.#primary) {
      throw new WorldError('WORLD_WRONG_STATE', `${region} is the primary: this takes a replica.`)
    }
    if (server.running) return server
    throw new WorldError('WORLD_WRONG_STATE', `The server in ${region} is dead: start it before.`)
  }

  #pair(a: string, b: string, maybeSame = false): void {
    this.#server(a)
    this.#server(b)
    if (a === b && !maybeSame) {
      throw new WorldError('WORLD_BAD_OPTION', `${a} is one region, and links are between two: name another one.`)
    }
  }

  #throwIfStopped(): void {
    if (this.#stopping !== undefined) throw stopped()
  }

  /** Operations that change servers run one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#work.then(async () => {
      this.#throwIfStopped()
      return work()
    })
    this.#work = mine.catch(() => undefined)
    return mine
  }
}

function stopped(): WorldError {
  return new WorldError('WORLD_STOPPED', 'This world was stopped: start another one.')
}

function finite(ms: number): number {
  if (Number.isFinite(ms)) return ms
  throw new WorldError('WORLD_BAD_OPTION', 'Milliseconds must be finite: for no connection at all use partition().')
}
