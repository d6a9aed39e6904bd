/** Does it so often, `width` at a time. */
export async function inParallel(times: number, width: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < times) await work(next++)
  }
  await Promise.all(Array.from({ length: width }, one))
}
