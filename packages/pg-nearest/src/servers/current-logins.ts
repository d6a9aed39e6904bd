import type { ListedServer, ServerLogin } from '../discovery/listed-server.ts'

/** The logins of a list's servers, which may change while the servers stay. */
export interface CurrentLogins {
  /** Gives a server's login as the list has it now; when the server has left the list, as it had it last. */
  of(name: string): () => ServerLogin
  /**
   * Takes another list.
   *
   * @param stays - whether the name belongs to the same server as before
   */
  use(servers: readonly ListedServer[], stays: (name: string) => boolean): void
}

export function createCurrentLogins(listed: readonly ListedServer[]): CurrentLogins {
  let slots = new Map(listed.map(({ name, login }) => [name, { login }]))
  return {
    of(name) {
      const slot = slots.get(name)
      if (slot === undefined) throw new Error(`No server is named ${name}`)
      return () => slot.login
    },
    use(servers, stays) {
      slots = new Map(
        servers.map(({ name, login }) => [
          name,
          Object.assign((stays(name) && slots.get(name)) || { login }, { login }),
        ]),
      )
    },
  }
}
