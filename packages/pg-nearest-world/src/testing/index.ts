/**
 * A world for the tests of a file, with replicas that are late when the test says so.
 *
 * @module pg-nearest-world/testing
 */
export { worldFixture, type TestHooks, type WorldFixture } from './world-fixture.ts'
