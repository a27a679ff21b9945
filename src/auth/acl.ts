/**
 * Access lists as EMQX's backends answer them (topics, first match decides) as permissions (subjects, deny beats allow).
 * Where the two cannot say the same, the result allows less. Pure.
 */
import type { Permissions, SubjectRules } from './permissions.ts';

/** The subjects that a topic filter stands for; null when there are none. */
export type SubjectsOfFilter = (filter: string) => readonly string[] | null;

/** An access list that is not understood: nobody may be let in on the strength of it. */
export class AclError extends Error {
  override readonly name = 'AclError';
}

interface Rule {
  readonly isAllow: boolean;
  readonly actions: readonly Action[];
  readonly topics: readonly string[];
}

type Action = 'publish' | 'subscribe';

const MAX_RULES = 1_000;
const NOTHING: SubjectRules = { allow: [], deny: ['>'] };

/** @throws {AclError} */
export function permissionsOfAcl(acl: unknown, subjectsOf: SubjectsOfFilter): Permissions {
  if (!Array.isArray(acl) || acl.length > MAX_RULES)
    throw new AclError(`acl must be a list of at most ${MAX_RULES} rules`);
  const rules = acl.map(toRule);
  return {
    publish: rulesFor('publish', rules, subjectsOf),
    subscribe: rulesFor('subscribe', rules, subjectsOf),
    allowResponses: null,
  };
}

function rulesFor(action: Action, rules: readonly Rule[], subjectsOf: SubjectsOfFilter): SubjectRules {
  const own = rules.filter(({ actions }) => actions.includes(action));
  // What no rule allows is denied anyway: denials behind the last permission say nothing more, and must not beat it.
  const lastAllow = own.findLastIndex(({ isAllow }) => isAllow);
  if (lastAllow < 0) return NOTHING;
  const allow: string[] = [];
  const deny: string[] = [];
  for (const rule of own.slice(0, lastAllow + 1)) {
    for (const topic of rule.topics) {
      if (rule.isAllow) allow.push(...allowedSubjects(topic, subjectsOf));
      else deny.push(...deniedSubjects(topic, subjectsOf));
    }
  }
  return allow.length === 0 ? NOTHING : { allow, deny };
}

/** `eq` takes the wildcards out of a filter; a subject cannot hold them as text, so that such a rule allows nothing. */
function allowedSubjects(topic: string, subjectsOf: SubjectsOfFilter): readonly string[] {
  if (!topic.startsWith('eq ')) return subjectsOf(topic) ?? [];
  const literal = topic.slice('eq '.length);
  return /[+#]/.test(literal) ? [] : (subjectsOf(literal) ?? []);
}

function deniedSubjects(topic: string, subjectsOf: SubjectsOfFilter): readonly string[] {
  const subjects = subjectsOf(topic.replace(/^eq /, ''));
  if (subjects === null) throw new AclError('acl denies a topic that cannot be a subject');
  return subjects;
}

function toRule(value: unknown): Rule {
  if (typeof value !== 'object' || value === null) throw new AclError('a rule of acl must be an object');
  const { permission, action, topic, topics, qos, retain } = value as Record<string, unknown>;
  if (permission !== 'allow' && permission !== 'deny')
    throw new AclError('permission of a rule must be allow or deny');
  if (qos !== undefined || (retain !== undefined && retain !== 'all'))
    throw new AclError('rules of acl for one QoS or for retained messages are not supported');
  const list: unknown = topics ?? [topic];
  if (!Array.isArray(list) || !list.every(isTopic))
    throw new AclError('topic of a rule must be a topic without variables');
  return { isAllow: permission === 'allow', actions: actionsOf(action), topics: list };
}

function actionsOf(action: unknown): Action[] {
  if (action === 'publish' || action === 'subscribe') return [action];
  if (action === 'all' || action === 'pubsub') return ['publish', 'subscribe'];
  throw new AclError('action of a rule must be publish, subscribe or all');
}

function isTopic(topic: unknown): topic is string {
  return typeof topic === 'string' && topic !== '' && !topic.includes('${');
}
