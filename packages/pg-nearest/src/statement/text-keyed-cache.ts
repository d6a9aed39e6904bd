/**
 * An approximate LRU cache of two generations: a hit in the old one moves to the young one, and when that is full it becomes the old
 * one. A hit in the young generation is a single look-up.
 */
export class TextCache<V> {
  readonly #half: number
  readonly #mostCharacters: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()
  #characters = 0

  /**
   * @param max - how many texts.
   * @param mostCharacters - how many characters in one generation. A text of more is not kept.
   */
  constructor(max: number, mostCharacters: number) {
    this.#half = Math.ceil(max / 2)
    this.#mostCharacters = mostCharacters
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(text: string): V | undefined {
    const recent = this.#young.get(text)
    if (recent !== undefined || this.#old.size === 0) return recent
    const older = this.#old.get(text)
    if (older !== undefined) this.set(text, older)
    return older
  }

  set(text: string, value: V): void {
    this.delete(text)
    const { length } = text
    if (this.#half === 0 || length > this.#mostCharacters) return
    if (this.#young.size >= this.#half || this.#characters + length > this.#mostCharacters) {
      this.#old = this.#young
      this.#young = new Map()
      this.#characters = 0
    }
    this.#characters += length
    this.#young.set(text, value)
  }

  delete(text: string): void {
    this.#old.delete(text)
    if (this.#young.delete(text)) this.#characters -= text.length
  }
}
