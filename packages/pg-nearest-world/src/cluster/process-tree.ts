import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** The child processes of this one. */
export async function childrenOf(pid: number): Promise<number[]> {
  return (await everyProcess()).flatMap(([child, parent]) => (parent === pid ? [child] : []))
}

/** The processes of a group. */
export async function membersOf(group: number): Promise<number[]> {
  return (await everyProcess()).flatMap(([pid, , own]) => (own === group ? [pid] : []))
}

type Process = readonly [pid: number, parent: number, group: number]

function everyProcess(): Promise<Process[]> {
  return fromProc().catch(fromPs)
}

/** On Linux, where small images have no `ps`. */
async function fromProc(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => {
    const [, parent, group] = statOf(pid).split(' ')
    return [Number(pid), Number(parent), Number(group)]
  })
}

async function fromPs(): Promise<Process[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,pgid='])
  return stdout.split('\n').map((line) => {
    const [pid = 0, parent = 0, group = 0] = line.trim().split(/\s+/).map(Number)
    return [pid, parent, group]
  })
}

/** The fields of /proc/<pid>/stat after the name: state, parent, group and more. Empty if there is no such process, or no /proc. */
function statOf(pid: number | string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1) ?? ''
  } catch {
    return ''
  }
}

/** Sends a signal. Does nothing if the process has ended. */
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
    // oxlint-disable-next-line no-await-in-loop -- there is no event for the end of another process's child
    await sleep(5)
  }
  return true
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie has ended. In a container it may stay for a while, until its parent reaps it.
    return !statOf(pid).startsWith('Z')
  } catch {
    return false
  }
}
