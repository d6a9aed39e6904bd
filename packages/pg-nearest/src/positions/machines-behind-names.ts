import type { Answer } from '../probe/probe-question.ts'

/** One of the machines that a server's name leads to. */
export interface SeenMember {
  readonly machine: string
  /** When the earliest and the latest connection to it were dialled, by `performance.now()`. */
  readonly firstDialledAt: number
  readonly lastDialledAt: number
  /** When it was last heard on a new connection or by a probe. */
  readonly seenAt: number
  /** As it was heard last; `undefined`: it was not asked. */
  readonly role: Answer['role'] | undefined
}

/**
 * Which machines a server's name leads to, by the connections that were made to it. A name that has moved, or whose machine has
 * restarted, leads to one machine and then to the next; a balanced one leads back to the first.
 */
export interface MachinesBehindNames {
  /** A connection that was dialled at this time leads to this machine. Both times by `performance.now()`. */
  note(server: string, machine: string, dialledAt: number, now: number, role?: Answer['role']): void
  of(server: string): readonly SeenMember[]
  /** New connections lead to one machine or another. */
  isBalanced(server: string): boolean
  /** A second machine has appeared, and the next connections will show whether the name has moved or is balanced. */
  isUnsettled(server: string, now: number): boolean
  /** The name belongs to another server now, or to none. */
  forget(server: string): void
}

/** A machine that was not seen for this long is not counted any more. */
const REMEMBERED_MS = 60_000
/** How long new connections are made more often after a second machine has appeared. */
const UNSETTLED_MS = 5_000

/** How often a probe begins a new connection, to see which machines a name leads to: this often at last, beginning with a second. */
const SETTLED_MS = 30_000
/** Each of them is to be asked; so many probes on one connection are enough. */
const BALANCED_PROBES = 5
const BALANCED_MS = 5_000
const UNSETTLED_RENEWAL_MS = 500
const FIRST_MS = 1_000

/** How old a probe's connection to this server may be, of which it has made so many. */
export function renewalMs(
  members: MachinesBehindNames,
  server: string,
  { now, renewals, intervalMs }: { readonly now: number; readonly renewals: number; readonly intervalMs: number },
): number {
  if (members.isUnsettled(server, now)) return UNSETTLED_RENEWAL_MS
  const balancedMs = Math.min(BALANCED_MS, BALANCED_PROBES * intervalMs)
  return Math.min(members.isBalanced(server) ? balancedMs : SETTLED_MS, FIRST_MS * 2 ** renewals)
}

export interface MachinesBehindNamesOptions {
  /** A machine appeared behind a name that led to another one. */
  readonly onAppeared: (server: string) => void
  readonly onForgotten: (server: string, machine: string) => void
}

export function createMachinesBehindNames({
  onAppeared,
  onForgotten,
}: MachinesBehindNamesOptions): MachinesBehindNames {
  const members = new Map<string, readonly SeenMember[]>()
  const of = (server: string): readonly SeenMember[] => members.get(server) ?? NONE
  return {
    of,
    note(server, machine, dialledAt, now, role) {
      const known = of(server)
      const its = known.find((member) => member.machine === machine)
      const next: SeenMember = {
        machine,
        firstDialledAt: Math.min(dialledAt, its?.firstDialledAt ?? dialledAt),
        lastDialledAt: Math.max(dialledAt, its?.lastDialledAt ?? dialledAt),
        seenAt: now,
        role: role ?? its?.role,
      }
      const [others, old] = byAge(
        known.filter((member) => member.machine !== machine),
        now,
      )
      members.set(server, [...others, next])
      for (const each of old) onForgotten(server, each.machine)
      if (its === undefined && others.length > 0) onAppeared(server)
    },
    isBalanced: (server) => isBalanced(of(server)),
    isUnsettled(server, now) {
      const known = of(server)
      if (known.length < 2 || isBalanced(known)) return false
      return Math.max(...known.map(({ firstDialledAt }) => firstDialledAt)) > now - UNSETTLED_MS
    },
    forget: (server) => void members.delete(server),
  }
}

const NONE: readonly SeenMember[] = []

function byAge(members: readonly SeenMember[], now: number): [recent: SeenMember[], old: SeenMember[]] {
  const isRecent = ({ seenAt }: SeenMember): boolean => seenAt > now - REMEMBERED_MS
  return [members.filter(isRecent), members.filter((member) => !isRecent(member))]
}

/** Some two of them were dialled in turns. */
function isBalanced(members: readonly SeenMember[]): boolean {
  return members.some((a) =>
    members.some((b) => a !== b && a.firstDialledAt < b.lastDialledAt && b.firstDialledAt < a.lastDialledAt),
  )
}
