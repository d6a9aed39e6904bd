import type { Failure } from '../failure.ts'

export const FailurePage = ({ failure }: { failure: Failure }) => (
  <>
    <h1>{failure.title}</h1>
    <p>{failure.text}</p>
    <p>
      <a href="/users">All users</a>
    </p>
  </>
)
