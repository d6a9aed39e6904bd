import { verdictOn } from './verdict.ts'

/** Beside the page, so that a text of any length leaves it as quick as it was. */
self.addEventListener('message', ({ data }: MessageEvent<string>) => {
  self.postMessage(verdictOn(data))
})
