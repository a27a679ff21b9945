/** SQL texts for the tables of the tests. Knows no database. */

/** @param backslashEscape character that stands before a backslash in a text; empty where a backslash means nothing */
export function insertStatement(
  table: string,
  row: Readonly<Record<string, string | number | null>>,
  backslashEscape: string,
): string {
  const literal = (value: string | number | null): string => {
    if (typeof value !== 'string') return String(value ?? 'NULL');
    return `'${value.replaceAll('\\', `${backslashEscape}\\`).replaceAll("'", "''")}'`;
  };
  const values = Object.values(row).map(literal);
  return `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${values.join(', ')})`;
}
