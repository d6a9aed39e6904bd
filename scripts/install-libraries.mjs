import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const UNREACHABLE =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|E(?:RR_)?SOCKET_?TIMEOUT)\b/
const COMMAND = ['ci', '--prefix', 'compatibility', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1']

/**
 * Installs what `compatibility` measures.
 *
 * @returns whether npm's registry could be reached; whatever else fails throws
 */
export async function installLibraries() {
  const { code, output } = await npm(COMMAND)
  if (code === 0) return true
  if (UNREACHABLE.test(output)) return false
  throw new Error(`npm ${COMMAND.join(' ')} has failed:\n${output}`)
}

function npm(args) {
  const child = spawn('npm', args, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}
