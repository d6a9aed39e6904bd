import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('../../public/styles.css', import.meta.url), 'utf8')
const version = createHash('sha256').update(text).digest('base64url').slice(0, 10)

/** The one stylesheet. Its address changes with its text, so that browsers may keep it for good. */
export const stylesheet = { path: '/styles.css', href: `/styles.css?v=${version}`, text }
