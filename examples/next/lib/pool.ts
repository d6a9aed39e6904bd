import { cookies } from 'next/headers'
import { createPool } from 'pg-nearest'
import { fly } from 'pg-nearest/fly'
import { nextPool } from 'pg-nearest/next'

/** The pool of this process. Whatever a component, an action or a route runs on it sees what its client has written, in whichever region. */
export const pool = nextPool(() => createPool(fly()), cookies)
