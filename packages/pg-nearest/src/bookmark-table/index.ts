/**
 * A store for the bookmarks of shared sessions, in a table of a database nearby.
 *
 * @module pg-nearest/bookmark-table
 */
export { bookmarkTable, bookmarkTableSql } from './postgres-bookmark-store.ts'
export type { BookmarkDatabase, BookmarkTableOptions } from './postgres-bookmark-store.ts'
export type { BookmarkStore } from '../bookmark-store/bookmark-store.ts'
