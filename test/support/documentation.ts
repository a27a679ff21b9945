/** The pages of the documentation, and what they name. Knows nothing of what the names mean. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A page, its path relative to the root of the project. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** All pages, those for contributors included. */
export function documentationPages(): Page[] {
  const docs = readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  return ['README.md', 'CHANGELOG.md', 'src/README.md', 'deploy/README.md', ...docs].map((path) => ({
    path,
    text: readFileSync(join(ROOT, path), 'utf8'),
  }));
}

/** One page by its path. */
export function documentationPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Relative links of a page: the file as a path from the root, and the heading, empty if none is named. */
export function linksOf({ path, text }: Page): { target: string; anchor: string }[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [file = '', anchor = ''] = link.split('#');
    const target = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file));
    return [{ target, anchor }];
  });
}

/** Names of a page's headings as GitHub makes them. */
export function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Texts in backquotes, those within blocks of code left out. */
export function codeSpansOf(text: string): string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** Lines in which our program is called, in blocks of code and in backquotes, from its name on. */
export function invocationsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, code = '']) => code.split('\n'));
  return [...blocks, ...codeSpansOf(text)].flatMap((line) => {
    const match = /(?:^|npx |\| )nats-mqtt-gateway( .*)?$/.exec(line.replace(/\s+#.*$/, ''));
    return match === null ? [] : [match[1]?.trim() ?? ''];
  });
}
