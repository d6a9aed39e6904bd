/**
 * A store for the bookmarks of shared sessions, in a table of a database nearby.
 *
 * @module pg-nearest/bookmark-table
 */
export { bookmarkTable, bookmarkTableSql } from './bookmark-table.ts'
export type { BookmarkDatabase, BookmarkTableOptions } from './bookmark-table.ts'
export type { BookmarkStore } from '../bookmark-store/bookmark-store.ts'
