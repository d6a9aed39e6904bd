import type { EventEmitter } from 'node:events'

type Listener = Parameters<EventEmitter['on']>[1]

const lasting = new WeakSet<Listener>()

/** Listens to something that a connection must hear until its end, whatever its user does with its listeners. */
export function listenProtected(client: EventEmitter, event: string, listener: Listener): void {
  lasting.add(listener)
  client.on(event, listener)
}

/** As `client.removeAllListeners`, but for what {@link listenProtected} has added. */
export function removeUsersListeners(client: EventEmitter, event?: string | symbol): void {
  for (const name of event === undefined ? client.eventNames() : [event]) {
    for (const listener of client.rawListeners(name) as Listener[]) {
      if (!lasting.has(listener)) client.removeListener(name, listener)
    }
  }
}
