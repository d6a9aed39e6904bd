import { classify, mayControlTransaction } from '../classification/classify.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import {
  asksForReadWrite,
  beginsWithWord,
  isPlainBegin,
  isSavepointControl,
  isSingleStatement,
  namesTransactionMode,
  maySetTransactionMode,
  setsIsolation,
  showsTransaction,
} from '../classification/transaction-text-predicates.ts'
import { callsStatefulFunction } from './calls-stateful-function.ts'
import { mayLeaveState } from './stateless-functions.ts'
import { hasPassingLiteral } from './parse-time-literals.ts'
import { isPreparableWrite, unsettlesPrepared } from './preparable-writes.ts'
import { asksGeneratedValue, seemsToGenerateValue } from './sequence-values.ts'
import { syncSharing, type SyncSharing } from './sync-sharing.ts'
import { mayPrecedeQuestion, readsFromClient, takesSnapshot } from './takes-snapshot.ts'
import { TextCache } from './text-keyed-cache.ts'

type Fact =
  /** No second statement follows. May be false for a single one with a semicolon in a string. */
  | 'single'
  | 'beginsWithWord'
  | 'readsFromClient'
  | 'namesTransactionMode'
  | 'maySetTransactionMode'
  | 'mayControlTransaction'
  | 'mayPrecedeQuestion'
  | 'takesSnapshot'
  | 'mayLeaveState'
  | 'isPlainBegin'
  | 'isSavepointControl'
  | 'setsIsolation'
  | 'showsTransaction'
  | 'asksForReadWrite'
  | 'isPreparableWrite'
  | 'unsettlesPrepared'
  | 'callsStatefulFunction'
  | 'asksGeneratedValue'
  | 'seemsToGenerateValue'

/** What follows from a text alone. Each fact is worked out when it is first asked for, and once. */
export class TextFacts {
  readonly #text: string
  #need: StatementNeed | undefined
  #known: Partial<Record<Fact, boolean>> | undefined
  #sharing: { readonly with: SyncSharing | undefined } | undefined

  constructor(text: string) {
    this.#text = text
  }

  get need(): StatementNeed {
    return (this.#need ??= classify(this.#text))
  }

  /** See {@link syncSharing}. */
  get sharing(): SyncSharing | undefined {
    return (this.#sharing ??= { with: this.#share() }).with
  }

  #share(): SyncSharing | undefined {
    const sharing = syncSharing(this.#text)
    return sharing !== undefined && hasPassingLiteral(this.#text) ? { ...sharing, parsesAnew: true } : sharing
  }

  is(fact: Fact): boolean {
    const known = (this.#known ??= {})
    return (known[fact] ??= FACTS[fact](this.#text))
  }
}

const FACTS: Readonly<Record<Fact, (text: string) => boolean>> = {
  single: isSingleStatement,
  beginsWithWord,
  readsFromClient,
  namesTransactionMode,
  maySetTransactionMode,
  mayControlTransaction,
  mayPrecedeQuestion,
  takesSnapshot,
  mayLeaveState,
  isPlainBegin,
  isSavepointControl,
  setsIsolation,
  showsTransaction,
  asksForReadWrite,
  isPreparableWrite,
  unsettlesPrepared,
  callsStatefulFunction,
  asksGeneratedValue,
  seemsToGenerateValue,
}

/** A text of any length is kept, but not so many that somebody who sends ever new ones could fill the memory. */
const MOST_TEXTS = 10_000
const MOST_CHARACTERS = 4_000_000

const known = new TextCache<TextFacts>(MOST_TEXTS, MOST_CHARACTERS)

/** The same for all pools of the process. */
export function factsOf(text: string): TextFacts {
  let facts = known.get(text)
  if (facts === undefined) known.set(text, (facts = new TextFacts(text)))
  return facts
}

/** How many texts are kept. */
export function keptTexts(): number {
  return known.size
}
