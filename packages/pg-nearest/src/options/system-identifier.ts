/** Whether a value can be what `pg_control_system()` calls `system_identifier`. */
export function isSystemIdentifier(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}$/.test(value)
}
