import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { geoArea, geoNaturalEarth1, geoPath } from 'd3-geo'
import { format, resolveConfig } from 'prettier'
import { feature } from 'topojson-client'

/** Projects the land of the Earth (Natural Earth, public domain, by world-atlas) into one SVG path, around the Pacific. */
const WIDTH = 1_000
const MERIDIAN = 155
/** Steradians; smaller islands are left out. */
const LEAST_AREA = 0.0002
/** Degrees; what is all south of it is left out. */
const SOUTH = -58

const file = createRequire(import.meta.url).resolve('world-atlas/land-110m.json')
const atlas = JSON.parse(await readFile(file, 'utf8'))
const polygons = feature(atlas, atlas.objects.land).features.flatMap(({ geometry }) =>
  geometry.coordinates.map((coordinates) => ({ type: 'Polygon', coordinates })),
)
const isShown = (polygon) =>
  Math.max(...polygon.coordinates[0].map(([, latitude]) => latitude)) > SOUTH && geoArea(polygon) > LEAST_AREA
const land = { type: 'GeometryCollection', geometries: polygons.filter(isShown) }

const projection = geoNaturalEarth1().rotate([-MERIDIAN, 0]).precision(0.3).fitWidth(WIDTH, land)
const [[left, top], [, bottom]] = geoPath(projection).bounds(land)
const [x, y] = projection.translate()
projection.translate([x - left, y - top])

const text = `/** Made by \`npm run map\`: do not edit. The land, and the projection that it was drawn with (see project.ts). */
export const WIDTH = ${WIDTH}
export const HEIGHT = ${Math.ceil(bottom - top)}
export const MERIDIAN = ${MERIDIAN}
export const SCALE = ${projection.scale()}
export const CENTRE: readonly [number, number] = ${JSON.stringify(projection.translate())}
export const LAND = '${geoPath(projection).digits(1)(land)}'
`
const target = new URL('src/map/world-map.ts', import.meta.url)
const style = await resolveConfig(target)
await writeFile(target, await format(text, { ...style, parser: 'typescript' }))
