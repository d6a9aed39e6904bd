import { codeOf, messageOf } from '../driver-errors.ts'

/**
 * Whether a replica may have said this only because a migration has not arrived there yet.
 *
 * - `likely`: something is missing there, or a right. A statement that names what does not exist is wrong, or ahead of the replica.
 * - `possible`: something there is of another kind than the statement takes it for. Mostly the statement's own values are wrong: any
 *   visitor who asks for `/users/abc` can cause it.
 * - `no`: it has nothing to do with the schema.
 */
export type SchemaLag = 'likely' | 'possible' | 'no'

/** Told from the SQLSTATE, because the text depends on `lc_messages`; of internal errors, which are not translated, from the text. */
export function schemaLagOf(error: unknown): SchemaLag {
  const code = codeOf(error) ?? ''
  if (LIKELY.has(code) || isMissingInside(code, error)) return 'likely'
  if (!POSSIBLE.has(code)) return 'no'
  return code === '22P02' && isOfEnum(error) ? 'likely' : 'possible'
}

/** A value that the enum lacks: `ALTER TYPE … ADD VALUE`. */
function isOfEnum(error: unknown): boolean {
  const { routine } = error as { readonly routine?: unknown }
  return routine === 'enum_in' || routine === 'enum_recv'
}

/** A statement has found one half of what a migration replaces, or a plan names what was dropped. */
function isMissingInside(code: string, error: unknown): boolean {
  return code === 'XX000' && /^(?:cache lookup failed|could not open relation with OID)/.test(messageOf(error))
}

const LIKELY: ReadonlySet<string> = new Set([
  '3F000', // invalid_schema_name
  '42501', // insufficient_privilege: GRANT, ALTER … OWNER, a role's membership
  '42703', // undefined_column
  '42704', // undefined_object: a type, a role, a collation, an extension's setting
  '42846', // cannot_coerce: CREATE CAST
  '42883', // undefined_function, or an operator
  '42P01', // undefined_table
  '58P01', // undefined_file: an extension's library
])

const POSSIBLE: ReadonlySet<string> = new Set([
  '22003', // numeric_value_out_of_range: integer, and bigint on the primary
  '22007', // invalid_datetime_format
  '22008', // datetime_field_overflow
  '22P02', // invalid_text_representation: integer, and text on the primary
  '22P03', // invalid_binary_representation
  '23502', // not_null_violation, of a domain
  '23514', // check_violation, of a domain
  '42702', // ambiguous_column, one of which is dropped
  '42725', // ambiguous_function, one of which is dropped
  '42803', // grouping_error: a primary key makes its table's columns groupable
  '42804', // datatype_mismatch
  '42809', // wrong_object_type: a procedure, and a function on the primary
  '42P10', // invalid_column_reference
  '42P13', // invalid_function_definition: a body that does not fit what it returns any more
  '42P17', // invalid_object_definition: policies that refer to each other
  '42P18', // indeterminate_datatype
  '42P21', // collation_mismatch
  '42P22', // indeterminate_collation
])
