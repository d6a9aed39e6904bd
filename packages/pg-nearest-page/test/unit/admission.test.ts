import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admissionOf, type Admission, type Visitor } from '../../src/server/admission.ts'

const gate = { name: 'page', key: 'of-this-page' }
const visitor: Visitor = { method: 'GET', url: '/', cookies: undefined }

describe('admissionOf', () => {
  it.each<[name: string, given: Partial<Visitor>, admission: Admission]>([
    ['nobody', {}, 'out'],
    ['the printed address', { url: '/?key=of-this-page' }, 'arrives'],
    ['another key', { url: '/?key=of-that-page' }, 'out'],
    ['the key on another path', { url: '/events?key=of-this-page' }, 'out'],
    ['the key in a form', { method: 'POST', url: '/?key=of-this-page' }, 'out'],
    ['the cookie', { url: '/events', cookies: 'page=of-this-page' }, 'in'],
    ['the cookie among others', { cookies: 'a=b; page=of-this-page; c' }, 'in'],
    ['one of two cookies', { cookies: 'page=of-that-page; page=of-this-page' }, 'in'],
    ['another cookie', { cookies: 'page=of-that-page' }, 'out'],
    ['the key as another cookie', { cookies: 'pages=of-this-page' }, 'out'],
    ['an empty cookie', { cookies: 'page=' }, 'out'],
    ['no cookie', { cookies: ';;=;' }, 'out'],
  ])('%s: %j is %s', (_, given, admission) => {
    expect(admissionOf({ ...visitor, ...given }, gate)).toBe(admission)
  })

  it('lets nobody in who does not have the key', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (url, cookies) => {
        fc.pre(!url.includes(gate.key) && !cookies.includes(gate.key))
        expect(admissionOf({ method: 'GET', url, cookies }, gate)).toBe('out')
      }),
    )
  })
})
