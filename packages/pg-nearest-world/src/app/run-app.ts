import { createHash } from 'node:crypto'
import { startEdge, type Edge } from '../edge/start-edge.ts'
import { reservePort, type ReservedPort } from '../cluster/reserve-port.ts'
import { settleAll } from '../settle-all.ts'
import type { World } from '../world-types.ts'
import { appEnvironment } from './app-environment.ts'
import { startAppProcess, type AppProcess } from './app-process.ts'
import { watchFolder } from './watch-folder.ts'

export interface RunAppOptions {
  /** For a shell, such as `npm start`. It is to listen on the port in the variable `PORT`. */
  readonly command: string
  readonly folder: string
  /** Of the edge. 0: one that is free. */
  readonly port: number
  /** Starts all copies again when a file in the folder changes. */
  readonly watch: boolean
  print(line: string): void
}

/** An app that runs once in each region, behind an edge. */
export interface RunningApp {
  readonly edge: Edge
  /** Gives a region that has joined a copy. */
  addRegion(region: string): Promise<void>
  stop(): Promise<void>
}

interface Copy {
  readonly process: AppProcess
  readonly reserved: ReservedPort
}

const NAME = 'app'
const GRACE_MS = 5_000

export async function runApp(
  world: World,
  { command, folder, port, watch, print }: RunAppOptions,
): Promise<RunningApp> {
  const edge = await startEdge(world, { app: NAME, port })
  const copies = new Map<string, Copy>()
  const width = Math.max(...world.regions.map((region) => region.length))

  const addRegion = async (region: string): Promise<void> => {
    const reserved = await reservePort()
    const id = createHash('sha256').update(`${NAME} ${region}`).digest('hex').slice(0, 14)
    const environment = appEnvironment({ app: NAME, id, port: reserved.port, pool: world.poolOptions(region) })
    const process = startAppProcess({
      command,
      folder,
      environment,
      prefix: `${region.padEnd(width)} | `,
      graceMs: GRACE_MS,
      print,
    })
    copies.set(region, { process, reserved })
    edge.add({ id, region, port: reserved.port })
  }

  for (const region of world.regions) await addRegion(region)
  const unwatch = watch
    ? watchFolder(folder, (file) => {
        print(`${file} has changed.`)
        void settleAll([...copies.values()].map((copy) => copy.process.restart()))
      })
    : () => undefined
  return {
    edge,
    addRegion,
    async stop() {
      unwatch()
      await settleAll([...copies.values()].map((copy) => copy.process.stop()))
      await edge.close()
      await settleAll([...copies.values()].map((copy) => copy.reserved.release()))
    },
  }
}
