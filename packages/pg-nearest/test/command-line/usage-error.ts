/** The command line holds something that cannot be used. */
export class UsageError extends Error {}
