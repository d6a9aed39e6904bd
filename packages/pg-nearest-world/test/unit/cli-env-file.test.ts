import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { claimEnvFile } from '../../src/cli/env-file.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-nearest-world-env-'))
  file = join(folder, '.env')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('is there for nobody else, and gone in the end', async () => {
  const claimed = await claimEnvFile(file)
  await claimed.write('MY_REGION=ord')
  expect(await readFile(file, 'utf8')).toMatch(/^# Written by pg-nearest-world.*\n# Of .*\nMY_REGION=ord\n$/)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await claimed.remove()
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  await claimed.remove()
})

/** As a world has left it whose process has ended. */
async function leaveBehind(): Promise<void> {
  const ended = spawnSync(process.execPath, ['--eval', '']).pid
  await (await claimEnvFile(file)).write('A=1')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(String(process.pid), String(ended)))
}

test.each(['one that a world has left behind', 'one of a world from before, which did not say whose it is'])(
  '%s is written anew',
  async (which) => {
    if (which === 'one that a world has left behind') await leaveBehind()
    else await writeFile(file, '# Written by pg-nearest-world, which removes it when the world stops.\nA=1\n')
    const again = await claimEnvFile(file)
    await again.write('B=2')
    expect(await readFile(file, 'utf8')).not.toContain('A=1')
  },
)

test('somebody’s own file is neither overwritten nor removed', async () => {
  await writeFile(file, 'SECRET=1\n')
  await expect(claimEnvFile(file)).rejects.toThrow('there is such a file already, and it is yours')
  expect(await readFile(file, 'utf8')).toBe('SECRET=1\n')
})

test('nor is one that took its place meanwhile', async () => {
  const claimed = await claimEnvFile(file)
  await claimed.write('A=1')
  await writeFile(file, 'SECRET=1\n')
  await claimed.remove()
  expect(await readFile(file, 'utf8')).toBe('SECRET=1\n')
})

describe('a file of a world that runs', () => {
  const told = `process ${process.pid}`

  test('is refused to another one, and stays what it is', async () => {
    const claimed = await claimEnvFile(file)
    await claimed.write('A=1')
    await expect(claimEnvFile(file)).rejects.toThrow(told)
    expect(await readFile(file, 'utf8')).toContain('A=1')
    await claimed.remove()
    await expect(claimEnvFile(file)).resolves.toBeDefined()
  })

  test('is so, too, where both have found it free while they started', async () => {
    const first = await claimEnvFile(file)
    const second = await claimEnvFile(file)
    await first.write('A=1')
    await expect(second.write('B=1')).rejects.toThrow(told)
    await second.remove()
    expect(await readFile(file, 'utf8')).toContain('A=1')
  })

  test('belongs to one world only, if it was left behind', async () => {
    await leaveBehind()
    const first = await claimEnvFile(file)
    const second = await claimEnvFile(file)
    await first.write('B=1')
    await expect(second.write('C=1')).rejects.toThrow(told)
    await second.remove()
    expect(await readFile(file, 'utf8')).toContain('B=1')
  })
})

test('a folder is none', async () => {
  await expect(claimEnvFile(folder)).rejects.toThrow(/^--write-env cannot be used: EISDIR/)
})
