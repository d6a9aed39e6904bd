import { CENTRE, MERIDIAN, SCALE } from './world-map.ts'

export interface Place {
  /** Degrees north; negative in the south. */
  readonly latitude: number
  /** Degrees east; negative in the west. */
  readonly longitude: number
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** Where a place is on the map: Tom Patterson's Natural Earth, with the coefficients of Bojan Šavrič. */
export function project({ latitude, longitude }: Place): readonly [x: number, y: number] {
  const lambda = radians(((((longitude - MERIDIAN + 180) % 360) + 360) % 360) - 180)
  const phi = radians(latitude)
  const phi2 = phi * phi
  const phi4 = phi2 * phi2
  const x = lambda * (0.8707 - 0.131979 * phi2 + phi4 * (-0.013791 + phi4 * (0.003971 * phi2 - 0.001529 * phi4)))
  const y = phi * (1.007226 + phi2 * (0.015085 + phi4 * (-0.044475 + 0.028874 * phi2 - 0.005916 * phi4)))
  return [CENTRE[0] + SCALE * x, CENTRE[1] - SCALE * y]
}
