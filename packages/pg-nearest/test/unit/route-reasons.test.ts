import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { RouteReason } from '../../src/events/served-by.ts'

/** The compiler sees to it that this has every reason, and no other. */
const REASONS: Readonly<Record<RouteReason, true>> = {
  'own-region': true,
  nearest: true,
  'no-replica': true,
  asked: true,
  write: true,
  session: true,
  'server-bound': true,
  'learned-write': true,
  transaction: true,
  pinned: true,
  'own-write': true,
  strong: true,
  lagging: true,
  unproven: true,
  hedged: true,
  'schema-lag': true,
  retry: true,
}

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

test('the README lists every reason of servedBy, and no other', () => {
  const [, table = ''] = read('../../README.md').split(/^\| reason .*$/m)
  const [rows = ''] = table.split('\n\n')
  expect([...rows.matchAll(/^\| `([a-z-]+)`/gm)].map(([, reason]) => reason)).toEqual(Object.keys(REASONS))
})

test('and so does the docstring', () => {
  const [docstring = ''] = read('../../src/events/served-by.ts').split('export type RouteReason')
  const told = [...docstring.matchAll(/^ \* - (.*?):/gm)].flatMap(([, names = '']) => names.match(/[a-z-]+/g) ?? [])
  expect(told.toSorted()).toEqual(Object.keys(REASONS).toSorted())
})
