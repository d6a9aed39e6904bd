import { expect, test } from 'vitest'
import { startWorld, WorldError, type PostgresVersion } from 'pg-nearest-world'
import { copyForEveryone, findNpmPackage } from '../../src/cluster/npm-binaries.ts'
import { ask } from './world-support.ts'

test.for<PostgresVersion>([15, 16, 17])('a world on PostgreSQL %d', async (version, { skip }) => {
  const world = await startWorld({ primary: 'a', replicas: ['b'], rtt: 0, version }).catch((error: unknown) => {
    if (error instanceof WorldError && error.code === 'WORLD_NO_POSTGRES') return skip(error.message)
    throw error
  })
  await using running = world
  await running.addRegion('c')
  expect(Number.parseInt(running.version, 10)).toBe(version)
  expect(await ask<string>(running.url('c'), `select current_setting('server_version') as value`)).toContain(
    running.version,
  )
})

test('a folder with another major than the one that is wanted is refused', async () => {
  const installed = await findNpmPackage(18)
  if (installed === undefined) throw new Error('npm has not installed PostgreSQL')
  const binaries = await copyForEveryone(installed)
  await expect(startWorld({ primary: 'a', version: 15, binaries })).rejects.toMatchObject({
    code: 'WORLD_BAD_OPTION',
    message: expect.stringMatching(/has PostgreSQL 18\.\d+: a folder with 15 is wanted\.$/),
  })
})
