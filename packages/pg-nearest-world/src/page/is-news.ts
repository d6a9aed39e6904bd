import type { ServerFacts, WorldEvent, WorldState } from 'pg-nearest-page'

/** Whether somebody who looks would say that something has happened; not so if the world only goes on as it did. */
export function isNews(state: Pick<WorldState, 'servers'>, event: WorldEvent): boolean {
  switch (event.type) {
    case 'snapshot':
    case 'latency':
    case 'counters':
      return false
    case 'servers':
      return conditions(event.servers) !== conditions(state.servers)
    case 'statements':
      return event.statements.some(({ error }) => error !== undefined)
    case 'world':
    case 'links':
    case 'reading':
    case 'told':
    case 'busy':
    case 'sessions':
    case 'chaos':
    case 'crosses':
    case 'crossing':
      return true
  }
}

function conditions(servers: readonly ServerFacts[]): string {
  return JSON.stringify(servers.map(({ region, role, paused, heldBackMs }) => [region, role, paused, heldBackMs]))
}
