import { connect } from 'node:net'

/** For how long an answer counts. */
const KEPT_MS = 200

/** Whether something listens on a port, asked at most five times a second. */
export function createHealthCheck(now: () => number = () => performance.now()): (port: number) => Promise<boolean> {
  const known = new Map<number, { readonly at: number; readonly answer: Promise<boolean> }>()
  return (port) => {
    const last = known.get(port)
    if (last !== undefined && now() - last.at < KEPT_MS) return last.answer
    const answer = listens(port)
    known.set(port, { at: now(), answer })
    return answer
  }
}

function listens(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  return new Promise((resolve) => {
    const settle = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true)).once('error', () => settle(false))
  })
}
