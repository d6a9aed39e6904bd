import type { User } from '../../accounts/schema.ts'

export const UserDetails = ({ user }: { user: User }) => (
  <>
    <p class="crumb">
      <a href="/users">All users</a>
    </p>
    <h1>{user.name}</h1>
    <dl class="card">
      <dt>Age</dt>
      <dd>{user.age}</dd>
      <dt>Added</dt>
      <dd>
        <Moment at={user.insertedAt} />
      </dd>
      <dt>Last changed</dt>
      <dd>
        <Moment at={user.updatedAt} />
      </dd>
    </dl>
    <div class="actions">
      <a class="button" href={`/users/${user.id}/edit`}>
        Edit
      </a>
      <a class="button quiet" href={`/users/${user.id}/delete`}>
        Delete
      </a>
    </div>
  </>
)

const Moment = ({ at }: { at: Date }) => (
  <time datetime={at.toISOString()}>{`${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`}</time>
)
