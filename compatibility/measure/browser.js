/** Keeps the cookies of one address for all of them, as if they were regions of one app. */
export class Browser {
  #cookies = new Map()

  async get(url) {
    return this.#fetch(url)
  }

  async post(url, body) {
    return this.#fetch(url, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
  }

  async #fetch(url, { headers, ...init } = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...init, headers: { ...headers, ...(cookie === '' ? {} : { cookie }) } })
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';', 1)[0].split('=')
      this.#cookies.set(name, value)
    }
    const text = await response.text()
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
