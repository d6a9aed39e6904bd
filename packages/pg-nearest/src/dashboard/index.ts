export { dashboard, type Dashboard } from './dashboard.ts'
