import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { reservePort } from '../../src/cluster/reserve-port.ts'

/** These ports first, then any. */
const candidates = (...ports: number[]): (() => number) => {
  return () => ports.shift() ?? randomInt(16_000, 32_000)
}

let cache: string
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'pg-nearest-world-ports-'))
  vi.stubEnv('PG_NEAREST_WORLD_CACHE', cache)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(cache, { recursive: true, force: true })
})

const locks = (): Promise<string[]> => readdir(join(cache, 'ports'))
/** A process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid

test('a reserved port is nobody else’s until it is released, though nothing listens on it', async () => {
  const first = await reservePort()
  expect(await locks()).toEqual([String(first.port)])
  const second = await reservePort(candidates(first.port, first.port))
  expect(second.port).not.toBe(first.port)
  await Promise.all([first.release(), second.release()])
  expect(await locks()).toEqual([])
  expect((await reservePort(candidates(first.port))).port).toBe(first.port)
})

test('many at once get a port each', async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => reservePort()))
  expect(new Set(all.map(({ port }) => port)).size).toBe(50)
})

test('a port whose owner has ended may be had; one whose owner lives may not', async () => {
  const { port, release } = await reservePort()
  const file = join(cache, 'ports', String(port))
  await release()
  await writeFile(file, String(process.ppid))
  expect((await reservePort(candidates(port))).port).not.toBe(port)
  await writeFile(file, String(deadPid()))
  expect((await reservePort(candidates(port))).port).toBe(port)
  expect(await readFile(file, 'utf8')).toBe(String(process.pid))
})
