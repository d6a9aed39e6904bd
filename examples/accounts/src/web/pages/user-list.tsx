import type { User } from '../../accounts/schema.ts'

interface UserListProps {
  readonly users: readonly User[]
  readonly page: number
  readonly more: boolean
}

export const UserList = ({ users, page, more }: UserListProps) => (
  <>
    <div class="heading">
      <h1>Users</h1>
      <div class="heading-actions">
        <a class="button quiet" href="/users/several">
          Several users
        </a>
        <a class="button" href="/users/new">
          New user
        </a>
      </div>
    </div>
    {users.length > 0 ? <UserTable users={users} /> : <Nobody page={page} />}
    {(page > 1 || more) && (
      <nav class="pages" aria-label="Pages">
        {page > 1 && (
          <a rel="prev" href={pageUrl(page - 1)}>
            Previous
          </a>
        )}
        <span>Page {page}</span>
        {more && (
          <a rel="next" href={pageUrl(page + 1)}>
            Next
          </a>
        )}
      </nav>
    )}
  </>
)

const pageUrl = (page: number): string => (page === 1 ? '/users' : `/users?page=${page}`)

const UserTable = ({ users }: { users: readonly User[] }) => (
  <table class="card">
    <thead>
      <tr>
        <th scope="col">Name</th>
        <th scope="col" class="number">
          Age
        </th>
        <th scope="col">
          <span class="unseen">Actions</span>
        </th>
      </tr>
    </thead>
    <tbody>
      {users.map(({ id, name, age }) => (
        <tr>
          <th scope="row">
            <a href={`/users/${id}`}>{name}</a>
          </th>
          <td class="number">{age}</td>
          <td class="row-actions">
            <a href={`/users/${id}/edit`} aria-label={`Edit ${name}`}>
              Edit
            </a>
            <a href={`/users/${id}/delete`} aria-label={`Delete ${name}`}>
              Delete
            </a>
          </td>
        </tr>
      ))}
    </tbody>
  </table>
)

const Nobody = ({ page }: { page: number }) => (
  <p class="card empty">{page === 1 ? 'There are no users yet.' : 'There are no users on this page.'}</p>
)
