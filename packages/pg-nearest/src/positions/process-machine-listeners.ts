/** Hears what another pool was told by a machine. Only reads it, and decides by itself what it is worth. */
export type MachineListener = (told: unknown) => void

/**
 * Who in this process lists a machine, by `machineKey`. It holds no fact, only those who listen, so that nothing in it can be out of date;
 * and it is plain data, so that copies of this library need not know each other's code.
 */
export type MachineRegistry = Map<string, Set<MachineListener>>

/** What is in the registry as long as somebody lists a machine. */
export interface MachineMembership {
  /** Tells all others. One that throws harms nobody. */
  tell(told: unknown): void
  leave(): void
}

export function joinMachine(registry: MachineRegistry, key: string, listener: MachineListener): MachineMembership {
  const found: unknown = registry.get(key)
  const listeners = found instanceof Set ? (found as Set<MachineListener>) : new Set<MachineListener>()
  registry.set(key, listeners.add(listener))
  return {
    tell(told) {
      for (const each of listeners) if (each !== listener) tellOne(each, told)
    },
    leave() {
      listeners.delete(listener)
      if (listeners.size === 0 && registry.get(key) === listeners) registry.delete(key)
    },
  }
}

function tellOne(listener: MachineListener, told: unknown): void {
  try {
    listener(told)
  } catch {
    // Another copy's own trouble.
  }
}

/** Another number whenever the shape of what is shared changes: copies of both kinds then go on, each among themselves. */
const KEY = Symbol.for('pg-nearest.machines.1')

/** Shared by all copies of this library in the process. */
export function processMachines(): MachineRegistry {
  const holder = globalThis as { [KEY]?: unknown }
  const registry: MachineRegistry = new Map()
  holder[KEY] ??= registry
  return holder[KEY] instanceof Map ? (holder[KEY] as MachineRegistry) : registry
}
