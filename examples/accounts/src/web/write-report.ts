import { visits } from './served.ts'
import type { RequestLog } from './request-log.ts'
import type { Replay } from './replay-source.ts'

/** What a request that has changed something has cost. */
export interface WriteReport {
  /** Where the request came in. */
  readonly from: string
  /** Where the primary stands. */
  readonly primary: string
  /** Whether it ran there, as it was sent again. */
  readonly way: 'direct' | 'replayed'
  /** How often it waited for the primary, one after the other. */
  readonly trips: number
  /** When the request came in, in milliseconds since 1970: the page behind it is asked for once it is over. */
  readonly begunAt: number
}

interface Handled {
  readonly region: string | undefined
  readonly log: RequestLog
  readonly replay: Replay | undefined
  /** When it came to this process. */
  readonly arrivedAt: number
}

/** `undefined` where nothing was written, or no region is known. */
export const reportOf = ({ region, log, replay, arrivedAt }: Handled): WriteReport | undefined => {
  const primary = visits(log.queries).find(({ wrote }) => wrote)?.region
  if (region === undefined || primary === undefined) return undefined
  return {
    from: replay?.region ?? region,
    primary,
    way: replay ? 'replayed' : 'direct',
    trips: log.decision?.trips ?? 0,
    begunAt: replay?.sentAt ?? arrivedAt,
  }
}

const form = /^([a-z0-9_-]{1,32})~([a-z0-9_-]{1,32})~(direct|replayed)~(\d{1,4})~(\d{13})$/

/** As a cookie's value. */
export const formatReport = ({ from, primary, way, trips, begunAt }: WriteReport): string =>
  [from, primary, way, trips, begunAt].join('~')

/** `undefined` for what no report looks like: whoever sends a cookie may write into it what they like. */
export const parseReport = (text: string | undefined): WriteReport | undefined => {
  const [, from, primary, way, trips, begunAt] = form.exec(text ?? '') ?? []
  if (from === undefined || primary === undefined) return undefined
  return { from, primary, way: way === 'replayed' ? way : 'direct', trips: Number(trips), begunAt: Number(begunAt) }
}
