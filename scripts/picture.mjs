import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/**
 * Draws the picture of the README and of the site's first page, for light and for dark surroundings: `npm run picture`. With `--check` it
 * only says whether the files are as it would draw them.
 */
const folder = new URL('../packages/pg-nearest/docs/images/', import.meta.url)

const themes = {
  light: {
    back: '#f4f7fb',
    land: '#c9d5e3',
    text: '#14202e',
    soft: '#54657a',
    write: '#c2560c',
    read: '#0a7d4f',
    app: '#ffffff',
  },
  dark: {
    back: '#10161f',
    land: '#2c3a4c',
    text: '#eaf1f9',
    soft: '#9fb1c6',
    write: '#ffab66',
    read: '#4ed19a',
    app: '#10161f',
  },
}

/** Natural Earth's land (public domain), from 28° west over the Pacific, 3.6° for each mark, from 70° north. */
const LAND = `
......................####################################....####################......#...........
.........####.############################################....####################......#.....##....
.........####.############################################....####################......#.....##....
.........#.##.#################################...#.#..........##....############.....####..........
......#....#..################################.....##..................#############..#####.........
.....###.#######################################...#....................#############.######........
.......########################################...........................##############.#.##.......
.......####.####..###.########################.#.........................#################..........
.....###....######.##..#####################.............................##############.............
.....##....#...#######.###################.#..#...........................#############.............
......#####.......#######################....#.............................###########..............
.....#####################################..................................#######.#...............
....#############.####..#################...................................#####....#..............
...###############.#####...#############......................................###...................
...###############.#####....###...###.#.........................#..............##...................
...################.##......##.....###...#........................................##................
...#################.........#.....###....#.........................................#...............
....##################.............#......#..........................................######.........
.....#...############.............#.....#.............................................#######.......
..........##########...............##.###.##..........................................########......
..........#########.................#.##.#....#......................................##########.....
...........########...........................####...................................#############..
...........########.......................#...........................................############..
...........########..#......................##.#......................................###########...
...........######.#.#.....................#.#####.....................................#.#########...
...........######...#....................########.......................................#########...
............######..#..................###########......................................#######.....
............#####......................###########......................................######......
.............###........................##########......................................######......
..............#..........................##.....####.................................######.........
...............................................##.......#..............................#####........
................................................#......#...............................###..........
......................................................#................................##...........
.......................................................................................##...........
`
  .trim()
  .split('\n')

/** The distances are those of the world's table, as measured. */
const PRIMARY = { code: 'nrt', city: 'Tokyo', latitude: 35.8, longitude: 140.4, label: [-16, 34] }
const REPLICAS = [
  { code: 'ord', city: 'Chicago', latitude: 42, longitude: -87.9, rttMs: 128, label: [0, 36], bend: [650, -74] },
  { code: 'ams', city: 'Amsterdam', latitude: 52.3, longitude: 4.8, rttMs: 220, label: [8, 36], bend: [270, -84] },
  {
    code: 'syd',
    city: 'Sydney',
    latitude: -33.9,
    longitude: 151.2,
    rttMs: 137,
    label: [24, 1],
    anchor: 'start',
    bend: [572, 196],
  },
]

const STEP = 10
const TOP = 62

function place({ latitude, longitude }) {
  const east = (longitude + 28 + 360) % 360
  return [(east / 3.6) * STEP, TOP + ((69.83 - latitude) / 3.6) * STEP + 5]
}

const round = (n) => Math.round(n * 10) / 10

function draw({ back, land, text, soft, write, read, app }) {
  const dots = LAND.flatMap((row, y) =>
    row.split('').flatMap((mark, x) => (mark === '#' ? `M${x * STEP + 5} ${TOP + y * STEP + 5}h0` : [])),
  )
  const [px, py] = place(PRIMARY)
  // So that the dots do not shine through the letters.
  const halo = `stroke="${back}" stroke-width="6" stroke-linejoin="round" paint-order="stroke"`
  const ways = REPLICAS.map((replica) => {
    const [x, y] = place(replica)
    const [bx, by] = [replica.bend[0], TOP + replica.bend[1]]
    const [mx, my] = [(x + 2 * bx + px) / 4, (y + 2 * by + py) / 4]
    return [
      `<path d="M${round(x)} ${round(y)}Q${bx} ${by} ${round(px)} ${round(py)}" fill="none" stroke="${write}" stroke-width="2.5" stroke-dasharray="2 7" stroke-linecap="round"/>`,
      `<rect x="${round(mx - 37)}" y="${round(my - 13)}" width="74" height="26" rx="13" fill="${back}" stroke="${write}"/>`,
      `<text x="${round(mx)}" y="${round(my + 5)}" fill="${write}" font-weight="600" text-anchor="middle">${replica.rttMs} ms</text>`,
    ].join('')
  })
  const places = REPLICAS.map((replica) => {
    const [x, y] = place(replica).map(round)
    const {
      label: [dx, dy],
      anchor = 'middle',
    } = replica
    return [
      `<circle cx="${x}" cy="${y}" r="13" fill="${read}" fill-opacity=".22"/><circle cx="${x}" cy="${y}" r="7" fill="${read}" stroke="${app}" stroke-width="2"/>`,
      `<text x="${x + dx}" y="${y + dy}" fill="${text}" font-weight="700" text-anchor="${anchor}" ${halo}>${replica.city}</text>`,
      `<text x="${x + dx}" y="${y + dy + 18}" fill="${read}" text-anchor="${anchor}" ${halo}>reads stay here</text>`,
    ].join('')
  })
  const [lx, ly] = [px + PRIMARY.label[0], py + PRIMARY.label[1]].map(round)
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 420" role="img" aria-labelledby="t" font-family="system-ui,-apple-system,Segoe UI,sans-serif" font-size="15">',
    '<title id="t">Apps in Chicago, Amsterdam and Sydney read from the replica beside them, and write to the primary in Tokyo, once across the ocean</title>',
    `<rect width="1000" height="420" rx="14" fill="${back}"/>`,
    `<path d="${dots.join('')}" stroke="${land}" stroke-width="5.4" stroke-linecap="round"/>`,
    ...ways,
    ...places,
    `<circle cx="${round(px)}" cy="${round(py)}" r="17" fill="${write}" fill-opacity=".22"/><circle cx="${round(px)}" cy="${round(py)}" r="10" fill="${write}" stroke="${app}" stroke-width="2"/>`,
    `<text x="${lx}" y="${ly}" fill="${text}" font-weight="700" text-anchor="end" ${halo}>${PRIMARY.city}</text>`,
    `<text x="${lx}" y="${round(ly + 18)}" fill="${write}" text-anchor="end" ${halo}>the primary</text>`,
    `<text x="24" y="398" fill="${soft}" font-size="14">Round trips as measured between the regions. A write crosses the ocean once; a read does not.</text>`,
    '</svg>',
    '',
  ].join('\n')
}

const stale = []
for (const [name, theme] of Object.entries(themes)) {
  const file = new URL(`regions-${name}.svg`, folder)
  const drawn = draw(theme)
  if (process.argv.includes('--check')) {
    if ((await readFile(file, 'utf8').catch(() => '')) !== drawn) stale.push(fileURLToPath(file))
  } else {
    await mkdir(folder, { recursive: true })
    await writeFile(file, drawn)
  }
}
for (const file of stale) console.error(`  ${file} is not as it would be drawn: npm run picture`)
process.exitCode = stale.length > 0 ? 1 : 0
