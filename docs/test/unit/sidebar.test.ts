import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sidebar } from '../../.vitepress/sidebar.ts'

test('every guide that npm packs stands once in the sidebar, and no other', () => {
  const guides = readdirSync(new URL('../../../packages/pg-nearest/docs', import.meta.url))
  const wanted = guides.filter((name) => name.endsWith('.md')).map((name) => `/guide/${name.slice(0, -3)}`)
  const links = sidebar.flatMap(({ items = [] }) => items.flatMap(({ link = '' }) => link))
  const shown = links.filter((link) => link.startsWith('/guide/'))
  expect(shown.toSorted(inOrder)).toEqual(wanted.toSorted(inOrder))
})

function inOrder(a: string, b: string): number {
  return a.localeCompare(b)
}
