/** Runs a transaction that throws in its end, and tells what was seen in it. */
export async function undone(transaction, work) {
  const error = new Error('undone')
  let seen
  await transaction(async (tx) => {
    seen = await work(tx)
    throw error
  }).catch((thrown) => {
    if (thrown !== error && thrown.cause !== error) throw thrown
  })
  return seen
}
