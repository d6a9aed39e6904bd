/** So long the proxy tries to reach the region of the primary. */
const TIMEOUT = '2s'

/**
 * The header by which Fly's proxy sends a request again in a region; if nobody there can be reached, the request comes back.
 *
 * @see https://fly.io/docs/networking/dynamic-request-routing/
 */
export function flyReplayHeader(region: string, state: string): string {
  return `region=${region};state=${state};timeout=${TIMEOUT};fallback=prefer_self`
}
