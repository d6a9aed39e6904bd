import { findBrowser } from './find-browser.mjs'
import { installLibraries } from './install-libraries.mjs'

/** What a step needs that may not be had here, and what to say then. */
const needs = {
  browser: {
    isThere: async () => (await findBrowser()) !== undefined,
    lacking: 'there is no Chromium here. Get one (Debian: apt-get install chromium), or name it in CHROMIUM_PATH.',
  },
  libraries: {
    isThere: installLibraries,
    lacking: 'the registry cannot be reached from which npm would install the libraries.',
  },
}

/** @returns a sentence; `undefined` if the step can run */
export async function whatIsLacking({ needs: name }) {
  if (name === undefined) return undefined
  const { isThere, lacking } = needs[name]
  return (await isThere()) ? undefined : lacking
}
