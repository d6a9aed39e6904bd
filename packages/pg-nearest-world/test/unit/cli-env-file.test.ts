import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
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
  expect(await readFile(file, 'utf8')).toMatch(/^# Written by pg-nearest-world.*\nMY_REGION=ord\n$/)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await claimed.remove()
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  await claimed.remove()
})

test('one that a world has left behind is written anew', async () => {
  await (await claimEnvFile(file)).write('A=1')
  const again = await claimEnvFile(file)
  await again.write('B=2')
  expect(await readFile(file, 'utf8')).not.toContain('A=1')
})

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

test('a folder is none', async () => {
  await expect(claimEnvFile(folder)).rejects.toThrow(/^--write-env cannot be used: EISDIR/)
})
