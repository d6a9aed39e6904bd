import { HttpSession, type SessionPool } from '../../src/http-session/http-session.ts'
import { parseHttpOptions, type HttpSessionOptions } from '../../src/http-session/options.ts'
import { readRequestBookmarks } from '../../src/http-session/request-bookmarks.ts'
import type { Session } from '../../src/index.ts'
import { formatBookmark, parseBookmark } from '../../src/session/bookmark-text.ts'

/** A primary that counts its writes, and how far each replica is. */
export class ModelCluster {
  readonly systemIdentifier: string
  readonly replicas: bigint[] = [1n, 1n, 1n]
  primary = 1n

  constructor(systemIdentifier: string) {
    this.systemIdentifier = systemIdentifier
  }

  everywhere(lsn: bigint): boolean {
    return this.replicas.every((replica) => replica >= lsn)
  }
}

/** A process of the app: it reads from one replica, and shares nothing with the others but the clusters. */
export interface ModelProcess {
  readonly cluster: ModelCluster
  readonly replica: number
  readonly options: HttpSessionOptions
}

/** What a session of the pool does, as far as its bookmark is concerned. */
class ModelSession {
  readonly #process: ModelProcess
  #lsn = 0n
  #blind = false
  /** The latest that was written or seen, whether the session knows its position or not. */
  seen = 0n

  constructor(process: ModelProcess, from: string | undefined) {
    this.#process = process
    const start = parseBookmark(from)
    // A bookmark of a foreign cluster makes the first read ask the primary, as does one that cannot be read.
    if (start?.systemIdentifier === process.cluster.systemIdentifier) this.#lsn = start.lsn
    else this.#blind = from !== undefined
    this.foreign = start !== undefined && this.#blind ? from : undefined
  }

  /** As long as nothing was read, a foreign bookmark stays what it is. */
  foreign: string | undefined

  bookmark(): string | undefined {
    const { cluster } = this.#process
    if (this.#blind) return this.foreign ?? 'unknown'
    if (this.#lsn === 0n || cluster.everywhere(this.#lsn)) return undefined
    return formatBookmark({ systemIdentifier: cluster.systemIdentifier, timeline: 1, lsn: this.#lsn })
  }

  /** The position that the read shows. */
  read(): bigint {
    const { cluster, replica } = this.#process
    const nearest = cluster.replicas[replica] ?? 0n
    return this.#arriveAt(this.#blind || nearest < this.#lsn ? cluster.primary : nearest)
  }

  write(): void {
    this.#arriveAt(++this.#process.cluster.primary)
  }

  /** The connection is lost when the primary has committed already. */
  writeWithUnknownOutcome(): void {
    this.seen = ++this.#process.cluster.primary
    this.#blind = true
    this.foreign = undefined
  }

  #arriveAt(lsn: bigint): bigint {
    this.#blind = false
    this.#lsn = lsn > this.#lsn ? lsn : this.#lsn
    this.seen = lsn > this.seen ? lsn : this.seen
    return lsn
  }
}

/** A request under way. */
export interface ModelRequest {
  readonly process: ModelProcess
  readonly session: ModelSession
  readonly http: HttpSession
  /** What the client had seen of the cluster when it sent the request. */
  readonly required: bigint
  /** The response, once the process has sent it. */
  setCookies?: readonly string[]
}

/** A browser: it sends all cookies in any order, and takes what responses set, in the order of their arrival. */
export class ModelBrowser {
  readonly jar = new Map<string, string>()
  readonly #seen = new Map<ModelCluster, bigint>()
  #sent = 0

  seenOf(cluster: ModelCluster): bigint {
    return this.#seen.get(cluster) ?? 0n
  }

  send(process: ModelProcess): ModelRequest {
    const cookie = this.#cookieHeader()
    let session = new ModelSession(process, undefined)
    const pool: SessionPool = {
      session(options) {
        session = new ModelSession(process, options?.bookmark)
        return session as unknown as Session
      },
    }
    const head = { identity: {}, method: 'GET', https: false, header: () => cookie }
    const http = new HttpSession(pool, parseHttpOptions(process.options), head)
    return { process, session, http, required: this.seenOf(process.cluster) }
  }

  receive({ process, session, setCookies = [] }: ModelRequest): void {
    for (const line of setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (line.includes('Max-Age=0')) this.jar.delete(name)
      else this.jar.set(name, value)
    }
    if (session.seen > this.seenOf(process.cluster)) this.#seen.set(process.cluster, session.seen)
  }

  /** Whether a session that begins with the jar at this process shows all that the client has seen. */
  isCoveredAt({ cluster, options }: ModelProcess): boolean {
    const { start } = readRequestBookmarks(() => this.#cookieHeader(), parseHttpOptions(options), Date.now())
    if (typeof start === 'string' || cluster.everywhere(this.seenOf(cluster))) return true
    return (
      start !== undefined && (start.systemIdentifier !== cluster.systemIdentifier || start.lsn >= this.seenOf(cluster))
    )
  }

  #cookieHeader(): string {
    const pairs = [...this.jar].map((pair) => pair.join('='))
    return (this.#sent++ % 2 === 0 ? pairs : pairs.toReversed()).join('; ')
  }
}

/** The process sends the response, which is on its way from now on. */
export function respond(request: ModelRequest): void {
  const headers = new Headers()
  request.http.headerWriter(200)?.(headers)
  request.setCookies = headers.getSetCookie()
}
