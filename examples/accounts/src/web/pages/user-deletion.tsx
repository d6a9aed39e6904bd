import type { User } from '../../accounts/schema.ts'

/** Asks before it deletes. */
export const UserDeletion = ({ user }: { user: User }) => (
  <>
    <h1>Delete {user.name}?</h1>
    <form class="card" method="post" action={`/users/${user.id}/delete`}>
      <p>This cannot be undone.</p>
      <div class="actions">
        <button type="submit" class="danger">
          Delete user
        </button>
        <a class="button quiet" href={`/users/${user.id}`}>
          Cancel
        </a>
      </div>
    </form>
  </>
)
