import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** The processes that this one has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  const all = await fromProc().catch(fromPs)
  return all.flatMap(([child, parent]) => (parent === pid ? [child] : []))
}

type PidAndParent = readonly [pid: number, parent: number]

/** On Linux, where small images have no `ps`. */
async function fromProc(): Promise<PidAndParent[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => [Number(pid), Number(statOf(pid).split(' ')[1])])
}

async function fromPs(): Promise<PidAndParent[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
  return stdout.split('\n').map((line) => {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/).map(Number)
    return [pid, parent]
  })
}

/** What the system says of a process after its name: state, parent and more; nothing once it is gone, or without /proc. */
function statOf(pid: number | string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1) ?? ''
  } catch {
    return ''
  }
}

/** Sends a signal; whoever is gone already does not mind. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // gone
  }
}

export async function gone(pids: readonly number[], withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs
  while (pids.some(lives)) {
    if (performance.now() > end) return false
    // oxlint-disable-next-line no-await-in-loop -- nobody says when another's child is gone
    await sleep(5)
  }
  return true
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // It may have ended, and nobody has asked how: in a container that may take a while.
    return !statOf(pid).startsWith('Z')
  } catch {
    return false
  }
}
