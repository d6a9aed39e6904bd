import type { BrowsingFrom } from './browsing.ts'
import { cityOf } from './browsing.ts'
import type { WriteReport } from './write-report.ts'

interface WriteReportNoteProps {
  readonly report: WriteReport
  readonly browsing: BrowsingFrom
  /** When this page was asked for. */
  readonly now: number
}

/** Says how the last change got to the primary, and what it cost. */
export const WriteReportNote = ({ report, browsing, now }: WriteReportNoteProps) => {
  const { badge, trips, text } = wordsFor(report, browsing)
  const ms = Math.max(0, now - report.begunAt)
  return (
    <div class="report card" role="status">
      <p>
        <strong class={`badge ${report.way}`}>{badge}</strong> Saved from {cityOf(browsing, report.from)} in {ms} ms
        {trips > 0 && `: ${tripsText(trips)} to ${cityOf(browsing, report.primary)}`}
      </p>
      <p class="hint">{text}</p>
    </div>
  )
}

interface Words {
  readonly badge: string
  /** How often the distance was crossed. */
  readonly trips: number
  readonly text: string
}

const wordsFor = ({ from, primary, way, trips }: WriteReport, browsing: BrowsingFrom): Words => {
  const [here, there] = [cityOf(browsing, from), cityOf(browsing, primary)]
  if (from === primary) return { badge: 'Next door', trips: 0, text: `The primary stands here, in ${there}.` }
  if (way === 'replayed') {
    const ran = `The whole request ran in ${there}, beside the primary, which it waited for ${times(trips)}.`
    const instead = `From ${here} that would have been ${tripsText(trips)}${duration(trips, from, browsing)}.`
    return { badge: 'Replayed', trips: 1, text: `${ran} ${instead}` }
  }
  const text =
    trips <= 1
      ? `The request ran in ${here}, and its one write went to the primary.`
      : `The request ran in ${here}, and waited for the primary ${times(trips)}. If such requests go on like this, they are replayed there.`
  return { badge: 'Direct', trips, text }
}

const tripsText = (trips: number): string => (trips === 1 ? '1 trip' : `${trips} trips`)

const times = (trips: number): string => (trips === 1 ? 'once' : `${trips} times`)

/** Where the distance is known. */
const duration = (trips: number, from: string, { regions }: BrowsingFrom): string => {
  const rttMs = regions.find(({ region }) => region === from)?.rttMs
  return rttMs === undefined ? '' : `, ${Math.round(trips * rttMs)} ms`
}
