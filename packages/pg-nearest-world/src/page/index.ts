export { startPage, type PageOptions, type RunningPage } from './start-page.ts'
