/** The region that the inspector shows, chosen on the map, in a card or in a list. */
export interface Selection {
  readonly region: string | undefined
  choose(region: string): void
}
