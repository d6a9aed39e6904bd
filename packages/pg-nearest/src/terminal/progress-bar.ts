const WIDTH = 24

/** `[████████░░░░]  33 % ord`. */
export function progressBar(share: number, what: string): string {
  const whole = Math.round(Math.min(1, Math.max(0, share)) * WIDTH)
  const percent = String(Math.round(Math.min(1, Math.max(0, share)) * 100)).padStart(3)
  return `[${'█'.repeat(whole)}${'░'.repeat(WIDTH - whole)}] ${percent} % ${what}`
}
