/** Writes the pages that are made from the program: `node --import tsx test/support/write-docs.ts`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { metricsReference } from '../../src/admin/metrics/reference.ts';
import { configReference } from '../../src/config/reference.ts';

/** Path of the page about settings. */
export const CONFIGURATION_PAGE = fileURLToPath(new URL('../../docs/configuration.md', import.meta.url));

/** Path of the page about metrics. */
export const METRICS_PAGE = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url));

/** What the page about settings should be. */
export function configurationPage(): string {
  return `${[
    '# Configuration',
    '',
    'The configuration is `config.json` in the working directory, or the file of `-c FILE`: JSON, with comments and commas at the end',
    'of lists allowed. Nothing has to be in it. `nats-mqtt-gateway check` says all that is wrong with it at once, and where;',
    '`nats-mqtt-gateway print-config` shows what is in force, with secrets masked. [Signals](signals.md) says how a running gateway takes',
    'changes over.',
    '',
    configReference(),
    '',
    'A setting with a secret can be given as a file instead, under its name with `_file` behind it; one line end at the end of that file',
    'is ignored. In lists, `[]` stands for each entry, and `[NAME]` for those of that kind.',
    '',
    'This page is made from the program by `npm run docs`.',
  ].join('\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(METRICS_PAGE, metricsReference());
  writeFileSync(CONFIGURATION_PAGE, configurationPage());
}
