/** A place where Fly.io runs, or ran, machines. */
export interface Region {
  /** Three letters, as in `FLY_REGION`: mostly the code of the nearest large airport. */
  readonly code: string
  readonly city: string
  /** Degrees north of that airport; negative in the south. */
  readonly latitude: number
  /** Degrees east of that airport; negative in the west. */
  readonly longitude: number
  /** Fly closed it; articles and configurations from before still name it. */
  readonly retired: boolean
}

type Row = readonly [code: string, city: string, latitude: number, longitude: number]

const open: readonly Row[] = [
  ['ams', 'Amsterdam, Netherlands', 52.3086, 4.7639],
  ['arn', 'Stockholm, Sweden', 59.6519, 17.9186],
  ['bom', 'Mumbai, India', 19.0887, 72.8679],
  ['cdg', 'Paris, France', 49.0097, 2.5479],
  ['dfw', 'Dallas, Texas (US)', 32.8968, -97.038],
  ['ewr', 'Secaucus, New Jersey (US)', 40.6925, -74.1687],
  ['fra', 'Frankfurt, Germany', 50.0264, 8.5431],
  ['gru', 'São Paulo, Brazil', -23.4356, -46.4731],
  ['iad', 'Ashburn, Virginia (US)', 38.9445, -77.4558],
  ['jnb', 'Johannesburg, South Africa', -26.1392, 28.246],
  ['lax', 'Los Angeles, California (US)', 33.9425, -118.4081],
  ['lhr', 'London, United Kingdom', 51.4706, -0.4619],
  ['nrt', 'Tokyo, Japan', 35.7647, 140.3864],
  ['ord', 'Chicago, Illinois (US)', 41.9786, -87.9048],
  ['sin', 'Singapore, Singapore', 1.3502, 103.9944],
  ['sjc', 'San Jose, California (US)', 37.3626, -121.929],
  ['syd', 'Sydney, Australia', -33.9461, 151.1772],
  ['yyz', 'Toronto, Canada', 43.6772, -79.6306],
]

const closed: readonly Row[] = [
  ['atl', 'Atlanta, Georgia (US)', 33.6367, -84.4281],
  ['bog', 'Bogotá, Colombia', 4.7016, -74.1469],
  ['bos', 'Boston, Massachusetts (US)', 42.3643, -71.0052],
  ['den', 'Denver, Colorado (US)', 39.8617, -104.6731],
  ['eze', 'Ezeiza, Argentina', -34.8222, -58.5358],
  ['gdl', 'Guadalajara, Mexico', 20.5218, -103.3111],
  ['gig', 'Rio de Janeiro, Brazil', -22.81, -43.2506],
  ['hkg', 'Hong Kong, Hong Kong', 22.3089, 113.9146],
  ['maa', 'Chennai, India', 12.99, 80.1693],
  ['mad', 'Madrid, Spain', 40.4719, -3.5626],
  ['mia', 'Miami, Florida (US)', 25.7932, -80.2906],
  ['otp', 'Bucharest, Romania', 44.5722, 26.1022],
  ['phx', 'Phoenix, Arizona (US)', 33.4343, -112.0116],
  ['qro', 'Querétaro, Mexico', 20.6173, -100.1857],
  ['scl', 'Santiago, Chile', -33.393, -70.7858],
  ['sea', 'Seattle, Washington (US)', 47.449, -122.3093],
  ['waw', 'Warsaw, Poland', 52.1657, 20.9671],
  ['yul', 'Montreal, Canada', 45.4706, -73.7408],
]

const entry = ([code, city, latitude, longitude]: Row, retired: boolean): [string, Region] => [
  code,
  { code, city, latitude, longitude, retired },
]

/** Every region that is known by its code: the 18 that are open, then the closed ones. */
export const regions: ReadonlyMap<string, Region> = new Map([
  ...open.map((row) => entry(row, false)),
  ...closed.map((row) => entry(row, true)),
])
