import {
  decode,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  AUTHORITATIVE_ANSWER,
} from 'dns-packet'

/** What a client asks for. */
export interface Question {
  readonly name: string
  /** Such as `AAAA`. */
  readonly type: string
}

interface RecordOf<Type extends string, Data> {
  readonly type: Type
  readonly name: string
  /** In seconds. */
  readonly ttl?: number
  readonly data: Data
}

/** One record of an answer. In types of our own, so that whoever uses this package needs none of dns-packet's. */
export type Record =
  | RecordOf<'A' | 'AAAA' | 'CNAME', string>
  | RecordOf<'TXT', string | string[]>
  | RecordOf<'SRV', { port: number; target: string; priority?: number; weight?: number }>

export interface Query extends Question {
  readonly id: number
  readonly flags: number
  /** The longest answer that the client takes in one datagram. */
  readonly datagramBytes: number
}

/** What is answered. */
export interface Reply {
  readonly status: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED'
  readonly records: readonly Record[]
}

const CODES: { readonly [status in Reply['status']]: number } = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 }
/** Without EDNS. */
const DATAGRAM_BYTES = 512

/** `undefined` for what is no query with one question. */
export function readQuery(message: Buffer): Query | undefined {
  try {
    const { id = 0, flags = 0, type, questions = [], additionals = [] } = decode(message)
    const [question] = questions
    if (type !== 'query' || question === undefined || questions.length > 1) return undefined
    const edns = additionals.find((record) => record.type === 'OPT')
    const datagramBytes = Math.max(DATAGRAM_BYTES, edns?.udpPayloadSize ?? 0)
    return { id, flags, name: question.name, type: question.type, datagramBytes }
  } catch {
    return undefined
  }
}

/** The answer as bytes; without its records where it says that it is cut short. */
export function writeReply(query: Query, { status, records }: Reply, truncated = false): Buffer {
  return encode({
    type: 'response',
    id: query.id,
    flags:
      AUTHORITATIVE_ANSWER |
      RECURSION_AVAILABLE |
      (query.flags & RECURSION_DESIRED) |
      (truncated ? TRUNCATED_RESPONSE : 0) |
      CODES[status],
    questions: [{ name: query.name, type: query.type as 'A', class: 'IN' }],
    answers: truncated ? [] : [...records],
  })
}
