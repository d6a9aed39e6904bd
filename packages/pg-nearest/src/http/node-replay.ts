import type { Replayer } from '../replay/replayer.ts'
import { keepContext, writeWithHead, type NodeRequest, type NodeResponse } from './node-session.ts'

/** Answers a request with `fly-replay`, or runs `next`. */
export function replayOrRun(
  replayer: Replayer,
  request: NodeRequest,
  response: NodeResponse,
  url: string,
  next: () => void,
): void {
  const header = (name: string): string | undefined => [request.headers[name]].flat()[0]
  const place = replayer.consider({ method: request.method ?? 'GET', url, header }, response.headersSent)
  if (place.kind === 'replay') {
    response.writeHead(place.status, place.headers)
    response.end()
    return
  }
  keepContext(request, (work) => place.run(work))
  writeWithHead(response, (status) =>
    status < 200 ? undefined : (headers) => headers.append('server-timing', place.responseBegins()),
  )
  response.once('finish', () => {
    if (response.statusCode < 500) place.learn()
  })
  place.run(next)
}
