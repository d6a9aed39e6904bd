import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { Accounts } from '../accounts/accounts.ts'
import type { User } from '../accounts/schema.ts'
import { userInput } from '../accounts/user-input.ts'
import { parseUsers } from '../accounts/users-input.ts'
import type { Environment } from './environment.ts'
import { emptyForm, formOf, rejectedForm } from './form-values.ts'
import type { FormState } from './form-values.ts'
import { UserDeletion } from './pages/user-deletion.tsx'
import { UserDetails } from './pages/user-details.tsx'
import { UserForm } from './pages/user-form.tsx'
import { UserList } from './pages/user-list.tsx'
import { exampleUsers, UsersForm } from './pages/users-form.tsx'

/** The pages under `/users`. A form is answered with a redirect, so that a reload never sends it twice. */
export const userRoutes = (accounts: Accounts): Hono<Environment> => {
  const routes = new Hono<Environment>()

  const withUser = async (c: Context<Environment>, show: (user: User) => Response | Promise<Response>) => {
    const user = await accounts.getUser(userId(c))
    return user ? show(user) : c.notFound()
  }

  routes.get('/', async (c) => {
    const page = pageNumber(c.req.query('page'))
    const { users, more } = await accounts.listUsers(page)
    return c.render(<UserList users={users} page={page} more={more} />, { title: 'Users' })
  })

  routes.get('/new', (c) => newUserPage(c, emptyForm))

  routes.post(
    '/',
    zValidator('form', userInput, (result, c) => {
      if (result.success) return undefined
      c.status(422)
      return newUserPage(c, rejectedForm(result.data, result.error))
    }),
    async (c) => {
      const user = await accounts.createUser(c.req.valid('form'))
      return c.redirect(`/users/${user.id}`, 303)
    },
  )

  routes.get('/several', (c) => c.render(<UsersForm text={exampleUsers} />, { title: 'Several users' }))

  routes.post('/several', async (c) => {
    const { users: sent } = await c.req.parseBody()
    const text = typeof sent === 'string' ? sent : ''
    const { users, error } = parseUsers(text)
    if (users === undefined) {
      c.status(422)
      return c.render(<UsersForm text={text} error={error} />, { title: 'Error: Several users' })
    }
    await accounts.createUsers(users)
    return c.redirect('/users', 303)
  })

  routes.get(oneUser, (c) => withUser(c, (user) => c.render(<UserDetails user={user} />, { title: user.name })))

  routes.get(`${oneUser}/edit`, (c) => withUser(c, (user) => editUserPage(c, user.id, formOf(user))))

  routes.post(
    oneUser,
    zValidator('form', userInput, (result, c) => {
      if (result.success) return undefined
      c.status(422)
      return editUserPage(c, userId(c), rejectedForm(result.data, result.error))
    }),
    async (c) => {
      const user = await accounts.updateUser(userId(c), c.req.valid('form'))
      return user ? c.redirect(`/users/${user.id}`, 303) : c.notFound()
    },
  )

  routes.get(`${oneUser}/delete`, (c) =>
    withUser(c, (user) => c.render(<UserDeletion user={user} />, { title: `Delete ${user.name}` })),
  )

  routes.post(`${oneUser}/delete`, async (c) => {
    const deleted = await accounts.deleteUser(userId(c))
    return deleted ? c.redirect('/users', 303) : c.notFound()
  })

  return routes
}

/** At most fifteen digits: every such number is exact in JavaScript and fits a bigint of PostgreSQL. */
const oneUser = '/:id{[1-9][0-9]{0,14}}'

const userId = (c: Pick<Context, 'req'>): number => Number(c.req.param('id'))

/** What is not a page number is the first page; the bound keeps the offset within PostgreSQL's numbers. */
const pageNumber = (text = '1'): number => (/^[1-9]\d{0,6}$/.test(text) ? Number(text) : 1)

const newUserPage = (c: Pick<Context, 'render'>, form: FormState) =>
  c.render(<UserForm heading="New user" action="/users" back="/users" form={form} />, {
    title: formTitle('New user', form),
  })

const editUserPage = (c: Pick<Context, 'render'>, id: number, form: FormState) =>
  c.render(<UserForm heading="Edit user" action={`/users/${id}`} back={`/users/${id}`} form={form} />, {
    title: formTitle('Edit user', form),
  })

const formTitle = (title: string, { errors }: FormState): string =>
  Object.keys(errors).length > 0 ? `Error: ${title}` : title
