/** As `Promise.all`, but when one fails the others are waited for: nothing goes on behind the caller's back. */
export async function finishAll(work: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
