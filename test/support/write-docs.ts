/** Writes docs/metrics.md and the generated parts of README.md: `node --import tsx test/support/write-docs.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { metricsReference } from '../../src/admin/metrics/reference.ts';
import { configReference } from '../../src/config/reference.ts';

/** Path of README.md. */
export const README = fileURLToPath(new URL('../../README.md', import.meta.url));

/** Path of the page about metrics. */
export const METRICS_PAGE = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url));

const SECTION = /(<!-- config:begin -->\n)(.*?)(<!-- config:end -->)/s;

/** The generated part as it stands in a README; null when its markers are missing. */
export function sectionOf(readme: string): string | null {
  return SECTION.exec(readme)?.[2] ?? null;
}

/** What should stand there. */
export function expectedSection(): string {
  return `\n${configReference()}\n\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(METRICS_PAGE, metricsReference());
  const readme = readFileSync(README, 'utf8');
  if (sectionOf(readme) === null) {
    process.stderr.write('README.md lacks <!-- config:begin --> and <!-- config:end -->\n');
    process.exitCode = 1;
  } else {
    writeFileSync(
      README,
      readme.replace(SECTION, (_, begin, __, end) => `${begin}${expectedSection()}${end}`),
    );
  }
}
