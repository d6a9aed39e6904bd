import type { ServerResponse } from 'node:http'

/** More than 30 a second nobody sees. */
const FLUSH_MS = 100
/** Proxies close what is silent for longer. */
const HEARTBEAT_MS = 15_000
/** A reader this far behind is let go. It comes back by itself, and begins with the newest state. */
const MOST_UNREAD_BYTES = 1_000_000

/** Server-sent events: one stream to all who look, ten messages a second at most. */
export interface EventStream {
  readonly clients: number
  /** Sends the first message and keeps the response open. `false` if there are as many as may be. */
  add(response: ServerResponse): boolean
  /** To everybody who looks; dropped while nobody does. */
  publish(event: unknown): void
  close(): void
}

export interface EventStreamOptions {
  readonly maxClients: number
  /** What a new client must know, as an event. */
  readonly snapshot: () => unknown
  /** Called when the first one comes and when the last one has gone. */
  readonly onWatched?: ((watched: boolean) => void) | undefined
}

export function createEventStream({ maxClients, snapshot, onWatched }: EventStreamOptions): EventStream {
  const clients = new Set<ServerResponse>()
  let pending: unknown[] = []
  let flushing: NodeJS.Timeout | undefined
  let heartbeat: NodeJS.Timeout | undefined

  const send = (text: string): void => {
    for (const client of clients) {
      if (client.writableLength > MOST_UNREAD_BYTES) client.destroy()
      else client.write(text)
    }
  }
  const flush = (): void => {
    flushing = undefined
    const events = pending
    pending = []
    if (events.length > 0) send(`data: ${JSON.stringify(events)}\n\n`)
  }
  const leave = (client: ServerResponse): void => {
    if (!clients.delete(client) || clients.size > 0) return
    clearInterval(heartbeat)
    clearTimeout(flushing)
    flushing = undefined
    pending = []
    onWatched?.(false)
  }

  return {
    get clients() {
      return clients.size
    },
    add(response) {
      if (clients.size >= maxClients) return false
      // What is pending is in the snapshot already.
      flush()
      if (clients.size === 0) {
        heartbeat = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS)
        heartbeat.unref()
        onWatched?.(true)
      }
      clients.add(response)
      response.on('close', () => leave(response))
      response.on('error', () => response.destroy())
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      })
      response.write(`retry: 1000\ndata: ${JSON.stringify([snapshot()])}\n\n`)
      return true
    },
    publish(event) {
      if (clients.size === 0) return
      pending.push(event)
      flushing ??= setTimeout(flush, FLUSH_MS)
    },
    close() {
      for (const client of clients) client.destroy()
      clearTimeout(flushing)
      clearInterval(heartbeat)
    },
  }
}
