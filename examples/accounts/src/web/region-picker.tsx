import type { BrowsingFrom } from './browsing.ts'
import { hrefFrom } from './browsing.ts'

interface RegionPickerProps {
  readonly browsing: BrowsingFrom
  /** Of the page that is shown. */
  readonly url: string
}

/** Where the person browses from: links to the same page, so that it works without a script. */
export const RegionPicker = ({ browsing: { regions, current }, url }: RegionPickerProps) => (
  <nav class="picker" aria-labelledby="picker">
    <p id="picker">Browse from (round trip to the primary)</p>
    <ul>
      {regions.map(({ region, city, rttMs }) => (
        <li>
          <a href={hrefFrom(url, region)} aria-current={region === current ? 'true' : undefined}>
            {city} <small>{rttMs === 0 ? 'the primary' : `${Math.round(rttMs)} ms`}</small>
          </a>
        </li>
      ))}
    </ul>
  </nav>
)
