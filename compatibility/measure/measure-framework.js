import { createPool } from 'pg-nearest'
import { Browser } from './browser.js'
import { expectSame } from './expect-same.js'
import { nextNote } from './next-note.js'
import { caughtUp, HERE } from './servers.js'

const CLIENTS = 10

const rest = {
  read: (client, url, id) => client.get(`${url}/notes/${id}`),
  write: (client, url, note) => client.post(`${url}/notes`, note),
}

/**
 * Clients that write beside the primary and read in the other region, whose replica shows nothing new: each sees its own write, and a stranger
 * reads from the replica.
 */
export async function measureFramework(world, framework) {
  const { read, write } = { ...rest, ...framework }
  const pools = [world.primary, HERE].map((region) => createPool(world.poolOptions(region)))
  const apps = []
  try {
    await Promise.all(pools.map((pool) => pool.refresh()))
    for (const pool of pools) apps.push(await framework.start(pool))
    const [written, other] = apps
    await caughtUp(world)
    await world.pauseReplay(HERE)
    for (let n = 0; n < CLIENTS; n++) {
      const client = new Browser()
      const [id, text] = nextNote()
      await write(client, written.url, { id, text })
      const stranger = await read(new Browser(), other.url, id)
      expectSame(`${stranger.text} from ${stranger.server}`, `null from ${HERE}`, 'what a stranger saw')
      expectSame((await read(client, other.url, id)).text, text, 'what its writer saw')
    }
    return { ownWrites: { answer: 'yes', detail: `${CLIENTS} of ${CLIENTS}` } }
  } catch (error) {
    return { ownWrites: { answer: 'no', why: error } }
  } finally {
    await world.resumeReplay(HERE)
    await Promise.all(apps.map((app) => app.close()))
    await Promise.all(pools.map((pool) => pool.end()))
  }
}
