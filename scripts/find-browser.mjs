import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const APPLICATIONS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** The path of a Chromium on this machine; `undefined` if there is none. `CHROMIUM_PATH` comes first. */
export async function findBrowser(env = process.env) {
  const named = env.CHROMIUM_PATH ? [env.CHROMIUM_PATH] : []
  const inPath = (env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
  for (const path of [...named, ...inPath, ...APPLICATIONS]) {
    if (await isExecutable(path)) return path
  }
  return undefined
}

async function isExecutable(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
