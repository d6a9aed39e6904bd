import { createHash } from 'node:crypto'

/** A browser heeds `autofocus` only with the first frame that it draws: keys typed before that would be lost. */
const text = "document.querySelector('[autofocus]').focus()"

/** The only script: the field has the focus as soon as it is there. `source` allows it, and nothing else, in the policy. */
export const focusScript = { text, source: `'sha256-${createHash('sha256').update(text).digest('base64')}'` }
