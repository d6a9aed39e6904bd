import { SingleBar } from 'cli-progress'
import type { WorldOptions } from '../world-types.ts'

/** A progress bar on a terminal while a world boots; nothing elsewhere. */
export interface ProgressBar {
  readonly update: NonNullable<WorldOptions['onProgress']>
  /** Takes the bar off the screen. */
  readonly stop: () => void
}

export function progressBar(stream: NodeJS.WriteStream): ProgressBar {
  if (!stream.isTTY) return { update: () => undefined, stop: () => undefined }
  const bar = new SingleBar({
    stream,
    format: 'Starting the world {bar} {value}/{total} {step}',
    barCompleteChar: '━',
    barIncompleteChar: '─',
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
    // The caller handles signals.
    gracefulExit: false,
  })
  bar.start(1, 0, { step: '' })
  return {
    update: ({ done, total, step }) => {
      bar.setTotal(total)
      bar.update(done, { step })
    },
    stop: () => bar.stop(),
  }
}
