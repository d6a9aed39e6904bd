import { existsSync } from 'node:fs'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** The browser in `CHROMIUM_PATH`, else one where systems put it. */
export const findChromium = (): string | undefined =>
  process.env.CHROMIUM_PATH || places.find((path) => existsSync(path))
