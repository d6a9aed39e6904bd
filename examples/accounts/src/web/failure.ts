import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { isNoServerError, isOutcomeUnknownError } from 'pg-nearest'

/** What a person is told when a request failed. */
export interface Failure {
  readonly status: ContentfulStatusCode
  readonly title: string
  readonly text: string
}

/** From an error to a page: what PostgreSQL or the network said stays in the log. */
export const describeFailure = (error: unknown): Failure => {
  const causes = chain(error)
  const http = causes.find((cause) => cause instanceof HTTPException)
  if (http) return describeStatus(http.status)
  if (causes.some(isOutcomeUnknownError)) return outcomeUnknown
  if (causes.some(isNoServerError)) return unreachable
  return describeStatus(500)
}

/** The error and its causes: the query builder wraps what the pool throws. */
const chain = (error: unknown): readonly unknown[] => {
  const causes: unknown[] = []
  for (let cause = error; cause !== undefined && !causes.includes(cause);) {
    causes.push(cause)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return causes
}

const outcomeUnknown: Failure = {
  status: 503,
  title: 'We could not see whether that was saved',
  text: 'The connection to the database broke while your change was on its way. Look at the list before you try again.',
}

const unreachable: Failure = {
  status: 503,
  title: 'The database cannot be reached',
  text: 'Nothing was changed. Please try again in a moment.',
}

export const notFound: Failure = {
  status: 404,
  title: 'There is nothing here',
  text: 'This page does not exist. A user who was added a moment ago in another region may still be on the way: reload the page to look again.',
}

const describeStatus = (status: number): Failure => {
  switch (status) {
    case 400:
      return { status, title: 'That form could not be read', text: 'Please go back and send it again.' }
    case 403:
      return { status, title: 'That form came from another site', text: 'Open the form here and send it again.' }
    case 404:
      return notFound
    case 413:
      return { status, title: 'That form is too large', text: 'A name and an age need less room than that.' }
    default:
      return { status: 500, title: 'Something went wrong', text: 'It is not your fault. Please try again in a moment.' }
  }
}
