import { readFileSync, readdirSync } from 'node:fs'

/** By Linux, whatever the machine. */
const MS_OF_TICK = 10

interface Process {
  readonly parent: number
  readonly ticks: number
}

/** Processor time of all that this process has started, in milliseconds; `undefined` where there is no /proc. */
export function startedCpuMs(): number | undefined {
  if (process.platform !== 'linux') return undefined
  const processes = new Map<number, Process>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const found = processOf(name)
    if (found !== undefined) processes.set(Number(name), found)
  }
  const isStarted = (pid: number): boolean => {
    const parent = processes.get(pid)?.parent
    return parent !== undefined && (parent === process.pid || isStarted(parent))
  }
  let ticks = 0
  for (const [pid, each] of processes) if (isStarted(pid)) ticks += each.ticks
  return ticks * MS_OF_TICK
}

function processOf(pid: string): Process | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    // It has ended meanwhile.
    return undefined
  }
  // The name, in parentheses, may have spaces in it. Behind it: state, parent, …, utime, stime, and both of children that have ended.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [, parent] = fields
  return { parent: Number(parent), ticks: fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0) }
}
