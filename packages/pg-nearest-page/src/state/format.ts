/** `0.9 ms`, `128 ms`, `1.4 s` */
export function duration(ms: number): string {
  if (ms >= 10_000) return `${Math.round(ms / 1_000)} s`
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}

/** `0 B`, `4.2 kB` */
export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`
  const [unit, size] = count < 1_000_000 ? ['kB', 1_000] : ['MB', 1_000_000]
  return `${(count / size).toFixed(1)} ${unit}`
}

export function whole(count: number): string {
  return count.toLocaleString('en')
}

/** `five regions` */
export function regionCount(count: number): string {
  const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
  return `${words[count] ?? count} region${count === 1 ? '' : 's'}`
}
