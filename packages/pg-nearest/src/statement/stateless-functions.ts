import { tokenize } from '../classification/tokenizer.ts'

/**
 * Whether a read may call a function that leaves something in its transaction, such as a setting for the statements behind it. In doubt
 * it may. What a view, an operator or a cast calls does not show.
 */
export function mayLeaveState(text: unknown): boolean {
  if (typeof text !== 'string') return true
  const { tokens, doubtful } = tokenize(text)
  if (doubtful) return true
  return tokens.some(({ kind, text: name }, i) => {
    if ((kind !== 'word' && kind !== 'name') || tokens[i + 1]?.text !== '(') return false
    // COPY (query) TO, EXPLAIN (options) query; anywhere else it is somebody's function.
    if (i === 0 && (name === 'copy' || name === 'explain')) return false
    const qualified = tokens[i - 1]?.text === '.' && tokens[i - 2]?.text !== 'pg_catalog'
    return qualified || !(COMPUTES.has(name) || (kind === 'word' && WORDS.has(name)))
  })
}

/** Words of PostgreSQL's own that a parenthesis may follow. In quotes each is somebody's function. */
const WORDS: ReadonlySet<string> = new Set(
  `
  and any array as between by case cast check cube distinct else except exists filter from group grouping having in
  intersect interval join lateral like limit materialized not offset on only or order over row rollup select sets
  some symmetric then union unique using values when where window with
  bit char character decimal float numeric time timestamp timestamptz timetz varbit varchar varying
  coalesce extract greatest least nullif trim
  `.match(/\w+/g),
)

/** Functions of PostgreSQL's own that only compute. */
const COMPUTES: ReadonlySet<string> = new Set(
  `
  array_agg avg bit_and bit_or bool_and bool_or corr count covar_pop every json_agg json_object_agg jsonb_agg
  jsonb_object_agg max min mode percentile_cont percentile_disc range_agg stddev stddev_pop stddev_samp string_agg
  sum var_pop var_samp variance xmlagg cume_dist dense_rank first_value lag last_value lead nth_value ntile
  percent_rank rank row_number abs cbrt ceil ceiling degrees div exp factorial floor
  gcd lcm ln log mod pi pow power radians random round scale sign sqrt trim_scale trunc width_bucket acos asin atan
  atan2 cos cot sin tan ascii bit_length btrim char_length character_length chr concat concat_ws convert_from
  convert_to decode encode format initcap left length lower lpad ltrim md5 normalize octet_length overlay position
  quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches
  regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim
  sha224 sha256 sha384 sha512 split_part starts_with string_to_array string_to_table strpos substr substring
  to_ascii to_hex translate unistr upper age clock_timestamp date_add date_bin date_part date_subtract
  date_trunc isfinite justify_days justify_hours justify_interval make_date make_interval make_time
  make_timestamp make_timestamptz now pg_sleep statement_timestamp timeofday to_char to_date to_number to_timestamp
  transaction_timestamp array_append array_cat array_dims array_fill array_length array_lower array_ndims
  array_position array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper
  cardinality generate_series generate_subscripts unnest json_array_elements json_array_elements_text
  json_array_length json_build_array json_build_object json_each json_each_text json_extract_path
  json_extract_path_text json_object json_object_keys json_populate_record json_populate_recordset json_strip_nulls
  json_to_record json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length
  jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text
  jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
  jsonb_path_query_array jsonb_path_query_first jsonb_populate_record jsonb_populate_recordset jsonb_pretty
  jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb
  daterange int4range int8range isempty lower_inc lower_inf numrange range_merge tsrange tstzrange upper_inc
  upper_inf numnode phraseto_tsquery plainto_tsquery querytree setweight strip to_tsquery to_tsvector ts_headline
  ts_rank ts_rank_cd websearch_to_tsquery gen_random_uuid uuidv4 uuidv7 col_description current_database
  current_schema current_schemas format_type has_column_privilege has_database_privilege has_function_privilege
  has_schema_privilege has_sequence_privilege has_table_privilege obj_description pg_column_size pg_database_size
  pg_get_constraintdef pg_get_expr pg_get_indexdef pg_get_serial_sequence pg_get_userbyid pg_get_viewdef
  pg_indexes_size pg_relation_size pg_size_pretty pg_table_is_visible pg_table_size pg_total_relation_size
  pg_type_is_visible pg_typeof shobj_description to_regclass version
  `.match(/\w+/g),
)
