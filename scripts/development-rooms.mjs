/** As of `rooms.mjs`: the rooms of what is only used while an app is developed. */
export const developmentHouses = [
  {
    src: 'packages/pg-nearest-world/src',
    maxLines: 1500,
    order: 'cli -> app, page -> chaos, edge, dns, testing -> cluster, wan, geo',
    hint: 'What world.ts gives may be used, for it brings the rooms together.',
    mayImport: {
      cli: ['app', 'page', 'cluster', 'geo'],
      page: ['chaos', 'cluster', 'geo'],
      chaos: [],
      app: ['edge', 'cluster'],
      edge: ['geo'],
      dns: ['cluster'],
      testing: ['cluster'],
      cluster: [],
      wan: [],
      geo: [],
    },
    pure: [],
    /** Rooms that files beside the rooms must not import. */
    doors: ['cli'],
  },
  {
    src: 'packages/pg-nearest-page/src',
    maxLines: 1500,
    order: 'browser, server -> state, map',
    hint: 'What a browser runs and what a server runs meet in what both may: state and map.',
    mayImport: {
      browser: ['state', 'map'],
      server: [],
      state: [],
      map: [],
    },
    pure: ['state', 'map'],
  },
]
