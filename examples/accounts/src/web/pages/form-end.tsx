import { raw } from 'hono/html'
import { focusScript } from '../focus-script.ts'

interface FormEndProps {
  readonly save: string
  /** Where Cancel leads. */
  readonly back: string
}

/** The buttons below a form's fields, and what gives the first field the focus. */
export const FormEnd = ({ save, back }: FormEndProps) => (
  <>
    <div class="actions">
      <button type="submit">{save}</button>
      <a class="button quiet" href={back}>
        Cancel
      </a>
    </div>
    <script>{raw(focusScript.text)}</script>
  </>
)
