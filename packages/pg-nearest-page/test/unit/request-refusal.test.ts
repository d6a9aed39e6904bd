import { describe, expect, it } from 'vitest'
import { refusalOf, type Asked } from '../../src/server/request-refusal.ts'

const policy = { hosts: ['127.0.0.1:4100', 'localhost:4100'], token: 'of-this-page' }

const get: Asked = {
  method: 'GET',
  host: '127.0.0.1:4100',
  origin: undefined,
  site: undefined,
  mode: undefined,
  contentType: undefined,
  token: undefined,
}
const post: Asked = {
  ...get,
  method: 'POST',
  origin: 'http://127.0.0.1:4100',
  site: 'same-origin',
  contentType: 'application/json',
  token: 'of-this-page',
}

describe('refusalOf', () => {
  it.each<[name: string, asked: Asked, status: number | undefined]>([
    ['a program of this machine that looks', get, undefined],
    ['by the other name', { ...get, host: 'localhost:4100' }, undefined],
    ['an address typed in', { ...get, site: 'none', mode: 'navigate' }, undefined],
    ['a link from another page', { ...get, site: 'cross-site', mode: 'navigate' }, undefined],
    ['the page itself', { ...get, site: 'same-origin', mode: 'cors' }, undefined],
    ['a name that was led here', { ...get, host: 'evil.example:4100' }, 421],
    ['no host', { ...get, host: undefined }, 421],
    ['another port', { ...get, host: '127.0.0.1:80' }, 421],
    ['another page’s script', { ...get, site: 'cross-site', mode: 'cors' }, 403],
    ['another page’s image', { ...get, site: 'cross-site', mode: 'no-cors' }, 403],
    ['a page of another port', { ...get, site: 'same-site', mode: 'no-cors' }, 403],
    ['another origin', { ...get, origin: 'http://evil.example' }, 403],
    ['a sandboxed frame', { ...get, origin: 'null' }, 403],
    ['the page that changes something', post, undefined],
    ['with a charset', { ...post, contentType: 'application/json; charset=utf-8' }, undefined],
    ['without the token', { ...post, token: undefined }, 403],
    ['with another token', { ...post, token: 'of-that-page' }, 403],
    ['with a longer token', { ...post, token: 'of-this-page-' }, 403],
    ['from another origin, though with the token', { ...post, origin: 'http://evil.example' }, 403],
    ['a form of another page', { ...post, site: 'cross-site', mode: 'navigate' }, 403],
    ['what a form may send', { ...post, contentType: 'text/plain' }, 415],
    ['another method', { ...post, method: 'PUT' }, 405],
  ])('%s: %j is answered with %s', (_, asked, status) => {
    expect(refusalOf(asked, policy)?.status).toBe(status)
  })

  it('changes nothing where there is nothing to change', () => {
    expect(refusalOf(post, { ...policy, token: undefined })?.status).toBe(405)
  })

  it('leaves the host to whoever has mounted it, and no other page in', () => {
    const mounted = { hosts: undefined, token: undefined }
    expect(refusalOf({ ...get, host: 'app.example', origin: 'https://app.example' }, mounted)).toBeUndefined()
    expect(refusalOf({ ...get, host: 'app.example', origin: 'https://evil.example' }, mounted)?.status).toBe(403)
  })
})
