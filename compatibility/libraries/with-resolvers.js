/** Node 20 has no `Promise.withResolvers` yet, which is all that some libraries lack there. */
export function provideWithResolvers() {
  Promise.withResolvers ??= function withResolvers() {
    const deferred = {}
    deferred.promise = new this((resolve, reject) => Object.assign(deferred, { resolve, reject }))
    return deferred
  }
}
