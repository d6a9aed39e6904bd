/** The response with its headers changed; a copy, if they are of the kind that cannot be, as those of a redirect and of what was fetched. */
export function changeHeaders(response: Response, write: (headers: Headers) => void): Response {
  try {
    write(response.headers)
    return response
  } catch {
    const { status, statusText, headers } = response
    const copy = new Response(response.body, { status, statusText, headers })
    write(copy.headers)
    return copy
  }
}
