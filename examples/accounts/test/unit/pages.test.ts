import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { User } from '../../src/accounts/schema.ts'
import { focusScript } from '../../src/web/focus-script.ts'
import { emptyForm } from '../../src/web/form-values.ts'
import { UserDeletion } from '../../src/web/pages/user-deletion.tsx'
import { UserDetails } from '../../src/web/pages/user-details.tsx'
import { UserForm } from '../../src/web/pages/user-form.tsx'
import { UserList } from '../../src/web/pages/user-list.tsx'

const userNamed = (name: string): User => ({
  id: 7,
  name,
  age: 36,
  insertedAt: new Date('2026-01-02T03:04:05Z'),
  updatedAt: new Date('2026-01-02T03:04:05Z'),
})

const form = (name: string, errors = {}): string =>
  String(
    UserForm({ heading: 'New user', action: '/users', back: '/users', form: { values: { name, age: '36' }, errors } }),
  )

const pages: Record<string, (name: string) => string> = {
  list: (name) => String(UserList({ users: [userNamed(name)], page: 1, more: false })),
  details: (name) => String(UserDetails({ user: userNamed(name) })),
  deletion: (name) => String(UserDeletion({ user: userNamed(name) })),
  form,
}

/** What a browser makes structure of. */
const shape = (html: string): string => html.replace(/[^<>"]/g, '')

const list = (page: number, more: boolean, users: readonly User[] = [userNamed('Ada')]): string =>
  String(UserList({ users, page, more }))

const field = (html: string, name: string): string => html.match(new RegExp(`<input id="${name}"[^>]*>`))?.[0] ?? ''

describe.each(Object.entries(pages))('the %s page', (_, render) => {
  it('shows a name as text, never as markup', () => {
    const html = render(`<script>alert(1)</script>" onfocus="alert(2)`)
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot; onfocus=&quot;alert(2)')
    expect(html.replace(`<script>${focusScript.text}</script>`, '')).not.toContain('<script')
    expect(html).not.toContain('" onfocus')
  })

  it('has the same markup whatever the name', () => {
    const plain = shape(render('Ada'))
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
        expect(shape(render(name))).toBe(plain)
      }),
    )
  })
})

describe('the list page', () => {
  it.each([
    [1, false, []],
    [1, true, ['/users?page=2']],
    [2, false, ['/users']],
    [3, true, ['/users?page=2', '/users?page=4']],
  ])('page %d, with more behind it: %s, links to %j', (page, more, links) => {
    const found = [...list(page, more).matchAll(/rel="(?:prev|next)" href="([^"]*)"/g)].map(([, href]) => href)
    expect(found).toEqual(links)
  })

  it('says that it is empty', () => {
    expect(list(1, false, [])).toContain('There are no users yet.')
    expect(list(9, false, [])).toContain('There are no users on this page.')
  })
})

describe('the form', () => {
  it('has a label for each field and starts in the first', () => {
    const html = form('')
    for (const name of ['name', 'age']) expect(html).toContain(`<label for="${name}">`)
    expect(field(html, 'name')).toContain('autofocus')
    expect(field(html, 'age')).not.toContain('autofocus')
    expect(html).not.toContain('aria-invalid')
    expect(emptyForm.values).toEqual({ name: '', age: '' })
  })

  it('ties a message to its field, keeps what was typed and starts where the error is', () => {
    const html = form('Ada', { age: 'An age is at most 150.' })
    expect(html).toContain('<p class="error" id="age-error">An age is at most 150.</p>')
    expect(field(html, 'age')).toMatch(
      /value="36".* autofocus.*aria-invalid="true" aria-describedby="age-hint age-error"/,
    )
    expect(field(html, 'name')).toContain('value="Ada"')
    expect(field(html, 'name')).not.toContain('autofocus')
  })
})
