/**
 * A page that shows a pool, in a server of one's own.
 *
 * @module pg-nearest/dashboard
 */
export { dashboard, type Dashboard } from './dashboard-http-handler.ts'
