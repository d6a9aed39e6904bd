import { databaseApp } from '../fly/replica-host.ts'

/** Where a server is, and who uses it. Without secrets. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  readonly database: string | undefined
  readonly region: string | undefined
  readonly declared: 'primary' | 'replica'
}

/** The app on Fly that the server's machines belong to, if that is its own (unmanaged) cluster. */
export function flyAppOf({ host }: Place): string | undefined {
  return databaseApp(host)
}

/** Whether its traffic stays in one machine or in a private network. */
export function isPrivate({ host }: Place): boolean {
  const name = host.toLowerCase().replace(/\.+$/, '')
  if (name.startsWith('/') || name === 'localhost') return true
  if (/\.(?:internal|flycast|local|localhost)$/.test(name)) return true
  if (/^(?:10|127)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^169\.254\./.test(name)) return true
  return /^(?:::1$|f[cd]|fe[89ab])/.test(name) && name.includes(':')
}

/** Fly's managed PostgreSQL. */
export function isManaged({ host }: Place): boolean {
  return /\.flympg\.net\.?$/i.test(host)
}
