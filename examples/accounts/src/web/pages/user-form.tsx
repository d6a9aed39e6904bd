import type { UserInput } from '../../accounts/user-input.ts'
import type { FormState } from '../form-values.ts'
import { FormEnd } from './form-end.tsx'

interface UserFormProps {
  readonly heading: string
  /** Where the form is sent. */
  readonly action: string
  /** Where Cancel leads. */
  readonly back: string
  readonly form: FormState
}

/** A new user or an edited one. The server checks the fields, so that every browser shows the same messages. */
export const UserForm = ({ heading, action, back, form }: UserFormProps) => (
  <>
    <h1>{heading}</h1>
    <form class="card" method="post" action={action} novalidate>
      <Field form={form} name="name" label="Name" />
      <Field form={form} name="age" label="Age" hint="In whole years" numeric />
      <FormEnd save="Save user" back={back} />
    </form>
  </>
)

interface FieldProps {
  readonly form: FormState
  readonly name: keyof UserInput
  readonly label: string
  readonly hint?: string
  readonly numeric?: boolean
}

/** The first field with an error, or else the first field. */
const focused = ({ errors }: FormState): keyof UserInput => (errors.age && !errors.name ? 'age' : 'name')

const Field = ({ form, name, label, hint, numeric }: FieldProps) => {
  const error = form.errors[name]
  const describedBy = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ')
  return (
    <div class={error ? 'field wrong' : 'field'}>
      <label for={name}>{label}</label>
      {hint && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${name}-error`}>
          {error}
        </p>
      )}
      <input
        id={name}
        name={name}
        value={form.values[name]}
        class={numeric ? 'short' : undefined}
        inputmode={numeric ? 'numeric' : undefined}
        autocomplete="off"
        required
        autofocus={focused(form) === name}
        aria-invalid={error ? 'true' : undefined}
        aria-describedby={describedBy || undefined}
      />
    </div>
  )
}
