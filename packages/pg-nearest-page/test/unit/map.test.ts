import { geoNaturalEarth1 } from 'd3-geo'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arcBetween, freePlace } from '../../src/map/arc.ts'
import { project } from '../../src/map/project.ts'
import { spread } from '../../src/map/spread.ts'
import { CENTRE, HEIGHT, LAND, MERIDIAN, SCALE, WIDTH } from '../../src/map/world-map.ts'

describe('project', () => {
  const [x, y] = CENTRE
  const drawn = geoNaturalEarth1().rotate([-MERIDIAN, 0]).scale(SCALE).translate([x, y])

  it('puts a place where the land was drawn', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -80, max: 80, noNaN: true }),
        fc.double({ min: -179, max: 179, noNaN: true }),
        (latitude, longitude) => {
          // On the meridian where the map ends, either side is right.
          fc.pre(Math.abs(Math.abs(longitude - MERIDIAN) - 180) > 0.01)
          const [wantedX, wantedY] = drawn([longitude, latitude]) ?? [0, 0]
          const [isX, isY] = project({ latitude, longitude })
          expect(Math.hypot(isX - wantedX, isY - wantedY)).toBeLessThan(0.001)
        },
      ),
    )
  })

  it.each([
    ['Tokyo', 35.7647, 140.3864],
    ['Amsterdam', 52.3086, 4.7639],
    ['São Paulo', -23.4356, -46.4731],
    ['Johannesburg', -26.1392, 28.246],
  ])('shows %s', (_, latitude, longitude) => {
    const [isX, isY] = project({ latitude, longitude })
    expect(isX).toBeGreaterThan(0)
    expect(isX).toBeLessThan(WIDTH)
    expect(isY).toBeGreaterThan(0)
    expect(isY).toBeLessThan(HEIGHT)
  })

  it('has the land in one path', () => {
    expect(LAND).toMatch(/^M[\d.,MLZ-]+Z$/)
  })
})

describe('spread', () => {
  const point = fc.tuple(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: 455 }))

  it('moves two apart, and leaves what is apart where it is', () => {
    fc.assert(
      fc.property(point, point, (a, b) => {
        const [c, d] = spread([a, b], 30)
        const [before, after] = [
          Math.hypot(a[0] - b[0], a[1] - b[1]),
          Math.hypot((c?.[0] ?? 0) - (d?.[0] ?? 0), (c?.[1] ?? 0) - (d?.[1] ?? 0)),
        ]
        if (before >= 30) expect([c, d]).toEqual([a, b])
        else expect(after).toBeCloseTo(30)
      }),
    )
  })
})

describe('arcs', () => {
  it('begin and end where they shall', () => {
    const arc = arcBetween([10, 20], [110, 30])
    expect(arc.path).toMatch(/^M10 20Q.* 110 30$/)
    expect([arc.at(0), arc.at(1)]).toEqual([
      [10, 20],
      [110, 30],
    ])
    expect(arc.at(0.5)[1], 'bent to the north').toBeLessThan(25)
  })

  it('have their label where no other is', () => {
    const arc = arcBetween([0, 0], [100, 0])
    const middle = arc.at(0.5)
    expect(freePlace(arc, [0.5, 0.25], [], 20)).toEqual(middle)
    expect(freePlace(arc, [0.5, 0.25], [middle], 20)).toEqual(arc.at(0.25))
  })
})
