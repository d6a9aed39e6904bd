import type { RowTexts } from '../lane-codec/decode-data-row.ts'

/** A row that answers for all reads of a batch. What it means is worked out once. */
export class BatchAnswer {
  readonly #row: RowTexts
  #meaning: { readonly is: unknown } | undefined

  constructor(row: RowTexts) {
    this.#row = row
  }

  /** @param read - the same for each call. */
  meaning<T>(read: (row: RowTexts) => T): T {
    return (this.#meaning ??= { is: read(this.#row) }).is as T
  }
}
