/**
 * The `map` subcommand: shows what a name becomes on the other side, and why one cannot cross.
 * Gets a ready mapper; reads no arguments and writes nothing.
 */
import type { Mapped } from '../translation/mapped.ts';
import type { NameMapper } from '../translation/subject-topic.ts';

/** Input of {@link mapCommand}. */
export interface MapCommandArgs {
  readonly name: string;
  /** `name` is a topic or topic filter, not a subject. */
  readonly reverse: boolean;
  readonly mapper: NameMapper;
  /** Shown in the output. */
  readonly profile: string;
}

/** Output of {@link mapCommand}; 1 when the name cannot cross at all. */
export interface MapCommandResult {
  readonly output: string;
  readonly exitCode: number;
}

/** Renders the translation of one name, a line per direction of use. */
export function mapCommand(args: MapCommandArgs): MapCommandResult {
  const rows = args.reverse ? reverseRows(args) : forwardRows(args);
  const head = `profile ${args.profile}${args.mapper.mountpoint === '' ? '' : `, mountpoint ${quote(args.mapper.mountpoint)}`}`;
  const from = `${args.reverse ? 'topic' : 'subject'} ${quote(args.name)}`;
  const output = [head, from, ...rows.map(([label, result]) => `  ${label} ${describe(result)}`)].join('\n');
  return { output: `${output}\n`, exitCode: rows.some(([, result]) => result.ok) ? 0 : 1 };
}

type Row = readonly [label: string, result: Mapped];

function forwardRows({ mapper, name }: MapCommandArgs): Row[] {
  return [
    ['as PUB: topic ', mapper.publishTopic(name)],
    ['as SUB: filter', mapper.subscribeFilter(name)],
  ];
}

function reverseRows({ mapper, name }: MapCommandArgs): Row[] {
  const delivered: Row = ['as message: subject', mapper.deliveredSubject(name)];
  return /[+#]/.test(name) ? [delivered, ['as filter:  subject', mapper.filterSubject(name)]] : [delivered];
}

function describe(result: Mapped): string {
  return result.ok ? quote(result.name) : `refused (${result.reason}): ${result.explanation}`;
}

/** JSON form: blanks and an empty name stay visible, and no control character reaches the terminal. */
function quote(name: string): string {
  return JSON.stringify(name).replace(
    /[\p{Cc}\p{Cf}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
