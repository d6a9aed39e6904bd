let generations = 0

/** Unique in this process, even if another server takes over a name. */
export function nextGenerationNumber(): number {
  return ++generations
}
