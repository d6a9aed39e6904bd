/** What the edge itself answers. */
export class EdgeFailure extends Error {
  override readonly name = 'EdgeFailure'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
