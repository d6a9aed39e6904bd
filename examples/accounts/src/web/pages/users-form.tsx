import { mostUsersAtOnce } from '../../accounts/users-input.ts'
import { FormEnd } from './form-end.tsx'

interface UsersFormProps {
  readonly text: string
  readonly error?: string | undefined
}

/** Several users at once: a request that waits for the primary several times. */
export const UsersForm = ({ text, error }: UsersFormProps) => (
  <>
    <h1>Several users</h1>
    <form class="card" method="post" action="/users/several" novalidate>
      <div class={error ? 'field wrong' : 'field'}>
        <label for="users">Users</label>
        <p class="hint" id="users-hint">
          One on each line, at most {mostUsersAtOnce}: a name, a comma, an age. They are saved one after the other, in
          one transaction.
        </p>
        {error && (
          <p class="error" id="users-error">
            {error}
          </p>
        )}
        <textarea
          id="users"
          name="users"
          rows={6}
          required
          autofocus
          aria-invalid={error ? 'true' : undefined}
          aria-describedby={error ? 'users-hint users-error' : 'users-hint'}
        >
          {text}
        </textarea>
      </div>
      <FormEnd save="Save users" back="/users" />
    </form>
  </>
)

/** What the form begins with, so that it can be tried with one click. */
export const exampleUsers = [
  'Ada Lovelace, 36',
  'Grace Hopper, 85',
  'Annie Easley, 78',
  'Radia Perlman, 74',
  'Mary Keller, 71',
].join('\n')
