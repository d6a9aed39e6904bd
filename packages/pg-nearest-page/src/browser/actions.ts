import { send } from './connection.ts'
import { byId, setText } from './dom.ts'

/** Sends an action, and says why it was not done, if it was not. */
export async function act(action: object): Promise<void> {
  const why = await send(action)
  const notice = byId('notice')
  notice.hidden = why === undefined
  setText(notice, why ?? '')
}
