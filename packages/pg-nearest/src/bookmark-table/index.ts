export { bookmarkTable, bookmarkTableSql } from './bookmark-table.ts'
export type { BookmarkDatabase, BookmarkTableOptions } from './bookmark-table.ts'
export type { BookmarkStore } from '../bookmark-store/bookmark-store.ts'
