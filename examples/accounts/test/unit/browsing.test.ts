import { expect, it, test } from 'vitest'
import { hrefFrom } from '../../src/web/browsing.ts'
import { RegionPicker } from '../../src/web/region-picker.tsx'

test.each([
  ['http://a/users', '/users?edge-region=syd'],
  ['http://a/users?page=2', '/users?page=2&edge-region=syd'],
  ['http://a/users?edge-region=ord&page=2', '/users?edge-region=syd&page=2'],
  ['http://a/%3Cb%3E?"><script>', '/%3Cb%3E?%22%3E%3Cscript%3E=&edge-region=syd'],
])('%s from syd: %s', (url, href) => {
  expect(hrefFrom(url, 'syd')).toBe(href)
})

it('marks the region that the page is seen from', () => {
  const regions = [
    { region: 'nrt', city: 'Tokyo', rttMs: 0 },
    { region: 'syd', city: 'Sydney', rttMs: 137.4 },
  ]
  const html = String(RegionPicker({ browsing: { regions, current: 'syd' }, url: 'http://a/users' }))
  expect(html).toContain('<a href="/users?edge-region=nrt">Tokyo <small>the primary</small></a>')
  expect(html).toContain('<a href="/users?edge-region=syd" aria-current="true">Sydney <small>137 ms</small></a>')
})
