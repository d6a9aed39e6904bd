import type { ServerLogin } from '../../src/discovery/listed-server.ts'
import { parseServerUrl } from '../../src/discovery/parse-server-url.ts'

/** A server's login when a URL is all that is known of it. */
export function loginOf(url: string): ServerLogin {
  return { address: parseServerUrl(url, 'url'), password: undefined, settings: {}, max: undefined }
}
