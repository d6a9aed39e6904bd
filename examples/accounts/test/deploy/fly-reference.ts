/**
 * The sections and keys of fly.toml that Fly's reference names, as far as an app like this one uses them, and what it says of their
 * values. Read in November 2026.
 *
 * @see https://fly.io/docs/reference/configuration/
 */
export const SECTIONS: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  '': {
    app: isName,
    primary_region: isRegion,
    kill_signal: oneOf('SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGKILL', 'SIGSTOP'),
    // At most 300 seconds.
    kill_timeout: (value) => isWhole(value) && value <= 300,
    console_command: isText,
    swap_size_mb: isWhole,
  },
  build: {
    builder: isText,
    buildpacks: Array.isArray,
    image: isText,
    dockerfile: isText,
    ignorefile: isText,
    'build-target': isText,
  },
  deploy: {
    release_command: isText,
    release_command_timeout: isTime,
    strategy: oneOf('rolling', 'immediate', 'canary', 'bluegreen'),
    max_unavailable: (value) => typeof value === 'number' && value > 0,
    wait_timeout: isTime,
  },
  http_service: {
    processes: Array.isArray,
    internal_port: isPort,
    force_https: isFlag,
    auto_stop_machines: oneOf('off', 'stop', 'suspend'),
    auto_start_machines: isFlag,
    min_machines_running: isWhole,
  },
  'http_service.concurrency': {
    type: oneOf('connections', 'requests'),
    soft_limit: isWhole,
    hard_limit: isWhole,
  },
  'http_service.checks[]': {
    grace_period: isTime,
    interval: isTime,
    timeout: isTime,
    method: isText,
    path: (value) => isText(value) && value.startsWith('/'),
    protocol: oneOf('http', 'https'),
    tls_server_name: isText,
    tls_skip_verify: isFlag,
  },
  'vm[]': {
    size: isText,
    memory: (value) => isWhole(value) || (isText(value) && /^\d+(mb|gb)$/i.test(value)),
    cpus: (value) => [1, 2, 4, 8, 16].includes(Number(value)),
    cpu_kind: oneOf('shared', 'performance'),
    kernel_args: isText,
    host_dedication_id: isText,
    persist_rootfs: oneOf('never', 'restart', 'always'),
    processes: Array.isArray,
  },
}

/** @see https://fly.io/docs/reference/regions/ */
const REGIONS = 'ams arn bom cdg dfw ewr fra gru iad jnb lax lhr nrt ord sin sjc syd yyz'.split(' ')

/** What the reference does not name, or says otherwise: a line each. */
export function faultsOf(config: unknown, section = ''): string[] {
  if (typeof config !== 'object' || config === null) return [`${section} is no table`]
  return Object.entries(config).flatMap(([key, value]) => {
    const path = section === '' ? key : `${section}.${key}`
    if (path === 'env') return envFaults(value)
    if (Array.isArray(value) && `${path}[]` in SECTIONS) return value.flatMap((each) => faultsOf(each, `${path}[]`))
    if (path in SECTIONS) return faultsOf(value, path)
    const holds = Object.hasOwn(SECTIONS[section] ?? {}, key) ? SECTIONS[section]?.[key] : undefined
    if (holds === undefined) return [`the reference does not name ${path}`]
    return holds(value) ? [] : [`${path} cannot be ${JSON.stringify(value)}`]
  })
}

/** Only strings, and no name that Fly's own variables have. */
function envFaults(env: unknown): string[] {
  return Object.entries(env as object).flatMap(([name, value]) => {
    if (name.startsWith('FLY_')) return [`env.${name} is a name of Fly's`]
    return isText(value) ? [] : [`env.${name} is no string`]
  })
}

export function isRegion(value: unknown): boolean {
  return isText(value) && REGIONS.includes(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isName(value: unknown): boolean {
  return isText(value) && /^[a-z0-9-]+$/.test(value)
}

function isWhole(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0
}

function isPort(value: unknown): boolean {
  return isWhole(value) && value >= 1 && value <= 65_535
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean'
}

/** Milliseconds, unless units are said. */
function isTime(value: unknown): boolean {
  return isWhole(value) || (isText(value) && /^(\d+(ms|s|m|h))+$/.test(value))
}

function oneOf(...values: readonly string[]): (value: unknown) => boolean {
  return (value) => values.includes(String(value))
}
