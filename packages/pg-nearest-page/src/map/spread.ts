export type Point = readonly [x: number, y: number]

const ROUNDS = 12

/** Moves points apart that are nearer than this, as little as needed: each can be seen and touched. Their order tells who yields where they coincide. */
export function spread(points: readonly Point[], least: number): readonly Point[] {
  let moved = points
  for (let round = 0; round < ROUNDS; round++) {
    const before = moved
    moved = before.map((point, i) => {
      let [x, y] = point
      for (const [j, other] of before.entries()) {
        if (i === j) continue
        const [dx, dy] = [point[0] - other[0], point[1] - other[1]]
        const distance = Math.hypot(dx, dy)
        if (distance >= least) continue
        const [ux, uy] = distance === 0 ? [0, i < j ? -1 : 1] : [dx / distance, dy / distance]
        x += (ux * (least - distance)) / 2
        y += (uy * (least - distance)) / 2
      }
      return [x, y]
    })
  }
  return moved
}
