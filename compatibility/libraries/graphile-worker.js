import { Logger, makeWorkerUtils, runOnce } from 'graphile-worker'

const logger = new Logger(() => () => undefined)

export const graphileWorker = {
  name: 'graphile-worker',
  package: 'graphile-worker',
  give: (pool) => makeWorkerUtils({ pgPool: pool, logger }),
  operations: async (utils, pool) => {
    await utils.migrate()
    const texts = new Map()
    const taskList = { notes: ({ id, text }) => void texts.set(id, text) }
    return {
      write: (id, text) => utils.addJob('notes', { id, text }),
      lockedRead: async (id) => {
        await runOnce({ pgPool: pool, logger, taskList })
        return texts.get(id)
      },
      end: () => utils.release(),
    }
  },
}
