/** What pg's types leave out. */
declare module 'pg/lib/utils.js' {
  const utils: {
    /** What is sent for a value: a text, bytes or null. Doing it twice changes nothing. */
    prepareValue(value: unknown): string | Buffer | null
  }
  export default utils
}
