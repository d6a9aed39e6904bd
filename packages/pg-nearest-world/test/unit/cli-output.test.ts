import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { fly } from '../../../pg-nearest/src/fly/index.ts'
import { announcementJson } from '../../src/cli/startup-text.ts'
import { databaseVariables } from '../../src/app/app-environment.ts'
import { envLines } from '../../src/cli/env-lines.ts'
import { statusTable, urlTable } from '../../src/cli/tables.ts'
import type { UrlOptions } from '../../src/world-types.ts'

const ord = {
  region: 'ord',
  primary: { region: 'nrt', url: 'postgres://app:secret@127.0.0.1:6001/app' },
  replicas: {
    ord: 'postgres://app:secret@127.0.0.1:6002/app',
    'syd-2': 'postgres://app:secret@127.0.0.1:6003/app?options=-c%20x&sslmode=disable',
  },
}

describe('the variables of the database', () => {
  test('is what fly() turns into the very same connections', () => {
    expect(fly({ env: databaseVariables(ord) })).toEqual(ord)
    expect(fly({ env: databaseVariables({ ...ord, replicas: {} }) })).toEqual({ ...ord, replicas: {} })
  })

  test('as lines of a .env file', () => {
    expect(envLines(ord)).toBe(
      [
        '# an app in ord',
        'MY_REGION=ord',
        'PRIMARY_REGION=nrt',
        'DATABASE_URL=postgres://app:secret@127.0.0.1:6001/app',
        'REPLICA_REGIONS=ord,syd-2',
        'DATABASE_URL_ORD=postgres://app:secret@127.0.0.1:6002/app',
        "DATABASE_URL_SYD_2='postgres://app:secret@127.0.0.1:6003/app?options=-c%20x&sslmode=disable'",
      ].join('\n'),
    )
  })
})

const world = {
  regions: ['nrt', 'ord'],
  primary: 'nrt',
  url: (region: string, { from = region, as = 'app' }: UrlOptions = {}) =>
    `postgres://${as}@${region}.from.${from}/app`,
  rtt: (a: string, b: string) => (a === b ? 0 : 128),
  poolOptions: (region: string) => ({ ...ord, region }),
}

/** The words of each row, without lines and colours. */
const cells = (table: string): string[][] =>
  stripVTControlCharacters(table)
    .split('\n')
    .filter((line) => line.includes('│'))
    .map((line) =>
      line
        .split('│')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

describe('tables', () => {
  test('URLs from inside each region', () => {
    expect(cells(urlTable(world))).toEqual([
      ['region', 'city', 'role', 'URL, from inside the region', 'from nrt'],
      ['nrt', 'Tokyo', 'primary', 'postgres://app@nrt.from.nrt/app', '0 ms'],
      ['ord', 'Chicago', 'replica', 'postgres://app@ord.from.ord/app', '128 ms'],
    ])
  })

  test('URLs from one region', () => {
    expect(cells(urlTable(world, 'ord'))).toEqual([
      ['region', 'city', 'role', 'URL, from ord', 'from ord'],
      ['nrt', 'Tokyo', 'primary', 'postgres://app@nrt.from.ord/app', '128 ms'],
      ['ord', 'Chicago', 'replica', 'postgres://app@ord.from.ord/app', '0 ms'],
    ])
  })

  test('URLs of the superuser', () => {
    expect(cells(urlTable(world, 'ord', 'superuser')).map((row) => row[3])).toEqual([
      'URL, from ord',
      'postgres://superuser@nrt.from.ord/app',
      'postgres://superuser@ord.from.ord/app',
    ])
  })

  test('status', () => {
    const url = 'postgres://nowhere'
    expect(
      cells(
        statusTable([
          { region: 'nrt', role: 'primary', url, pid: 7, lsn: '1/00000010', heldBackMs: undefined },
          { region: 'ord', role: 'replica', url, pid: 8, lsn: '0/FFFFFFF0', heldBackMs: 0 },
          { region: 'syd', role: 'replica', url, pid: 9, lsn: '1/00000010', heldBackMs: 5000 },
          { region: 'atl', role: 'replica', url, pid: 10, lsn: '0/FF000010', heldBackMs: 0, replayPaused: true },
          { region: 'ams', role: 'down', url, heldBackMs: undefined },
        ]),
      ),
    ).toEqual([
      ['region', 'role', 'pid', 'position', 'behind', 'replay'],
      ['nrt', 'primary', '7', '1/00000010', '', ''],
      ['ord', 'replica', '8', '0/FFFFFFF0', '32 B', 'running'],
      ['syd', 'replica', '9', '1/00000010', '0 B', '5 s late'],
      ['atl', 'replica', '10', '0/FF000010', '16.8 MB', 'paused'],
      ['ams', 'down', '', '', '', ''],
    ])
  })
})

describe('announcementJson', () => {
  test('every region, or one, on one line', () => {
    const shown: unknown = JSON.parse(announcementJson(world))
    expect(shown).toMatchObject({
      primary: 'nrt',
      regions: [
        { region: 'nrt', role: 'primary', url: 'postgres://app@nrt.from.nrt/app', rttToPrimaryMs: 0 },
        {
          region: 'ord',
          superuserUrl: 'postgres://superuser@ord.from.ord/app',
          rttToPrimaryMs: 128,
          env: { MY_REGION: 'ord', PRIMARY_REGION: 'nrt' },
        },
      ],
    })
    expect(announcementJson(world, 'ord')).not.toContain('\n')
    expect(JSON.parse(announcementJson(world, 'ord'))).toMatchObject({ regions: [{ region: 'ord' }] })
  })
})
