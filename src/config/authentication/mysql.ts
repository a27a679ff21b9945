/** Settings of the method `mysql` (MySQL and MariaDB). */
import { sqlKeys } from './sql.ts';

/** See the head of the file. */
export const MYSQL_KEYS = sqlKeys('question', 3306);
