import { byId, setText } from './dom.ts'

interface Following<State, Event> {
  /** A message holds several events. */
  readonly parse: (message: string) => readonly Event[]
  readonly reduce: (state: State | undefined, event: Event) => State | undefined
  readonly show: (state: State) => void
}

/**
 * Follows the server's events and reduces them to a state, which is shown once a frame. A page in the background keeps its state and
 * shows nothing.
 */
export function follow<State, Event>({ parse, reduce, show }: Following<State, Event>): void {
  let state: State | undefined
  let asked = false
  const frame = (): void => {
    asked = false
    if (state !== undefined) show(state)
  }
  const source = new EventSource('events')
  const status = byId('connection')
  source.addEventListener('open', () => setText(status, 'Live'))
  source.addEventListener('error', () => setText(status, 'Not connected. Trying again'))
  source.addEventListener('message', ({ data }: MessageEvent<string>) => {
    for (const event of parse(data)) state = reduce(state, event)
    if (asked) return
    asked = true
    requestAnimationFrame(frame)
  })
}

const token = document.querySelector('meta[name=page-token]')?.getAttribute('content') ?? ''

/** Asks the server to do something. Resolves with why it was not done, if it was not. */
export async function send(action: object): Promise<string | undefined> {
  try {
    const response = await fetch('act', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-page-token': token },
      body: JSON.stringify(action),
    })
    return response.ok ? undefined : await response.text()
  } catch {
    return 'The program that serves this page does not answer. Is it still running?'
  }
}
