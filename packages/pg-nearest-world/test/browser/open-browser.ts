import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'
import { findChromium } from './find-chromium.ts'

const executablePath = findChromium()
if (!executablePath) {
  console.warn('No Chromium, so no browser tests: install it (apt-get install chromium), or set CHROMIUM_PATH to one.')
}

export const hasBrowser = executablePath !== undefined

const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ ...(executablePath && { executablePath }), args: quiet })
