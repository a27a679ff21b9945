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

/**
 * Puts the user name in place of `${username}`. Rules for a name with separators or wildcards keep the variable, which makes
 * the list unusable: it would reach into what belongs to others.
 */
export function aclForUser(rules: unknown, user: string): unknown {
  if (!Array.isArray(rules)) return rules;
  const isHarmless = user !== '' && !/[\s./+#*>$%]/.test(user);
  const fill = (topic: unknown): unknown =>
    typeof topic === 'string' && isHarmless ? topic.replaceAll('${username}', () => user) : topic;
  return rules.map((rule: unknown) =>
    isRecord(rule)
      ? {
          ...rule,
          ...('topic' in rule && { topic: fill(rule.topic) }),
          ...(Array.isArray(rule.topics) && { topics: rule.topics.map(fill) }),
        }
      : rule,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Rule {
  readonly isAllow: boolean;
  readonly actions: readonly Action[];
  readonly topics: readonly string[];
}

type Action = 'publish' | 'subscribe';

const MAX_RULES = 1_000;
const FIELDS = ['permission', 'action', 'topic', 'topics', 'qos', 'retain'];
const EVERY_QOS = ['0', '1', '2'];
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
  if (!isRecord(value)) throw new AclError('a rule of acl must be an object');
  // EMQX has rules for some clients only (`ipaddr`, `clientid_re`): without the condition they would be for all.
  if (Object.keys(value).some((name) => !FIELDS.includes(name)))
    throw new AclError(`a rule of acl may have ${FIELDS.join(', ')}`);
  const { permission, action, topic, topics, qos, retain } = value;
  if (permission !== 'allow' && permission !== 'deny')
    throw new AclError('permission of a rule must be allow or deny');
  if (!isEveryQos(qos) || (retain ?? 'all') !== 'all')
    throw new AclError('rules of acl for one QoS or for retained messages are not supported');
  const list: unknown = topics ?? [topic];
  if (!Array.isArray(list) || !list.every(isTopic))
    throw new AclError('topic of a rule must be a topic without variables');
  return { isAllow: permission === 'allow', actions: actionsOf(action), topics: list };
}

/** EMQX writes all of them out as a list, or as a text with commas. */
function isEveryQos(qos: unknown): boolean {
  if (qos === undefined || qos === null) return true;
  const listed: unknown[] = typeof qos === 'string' ? qos.split(',') : Array.isArray(qos) ? qos : [qos];
  const named = listed.map(String);
  return EVERY_QOS.every((one) => named.includes(one)) && named.every((one) => EVERY_QOS.includes(one));
}

function actionsOf(action: unknown): Action[] {
  if (action === 'publish' || action === 'pub') return ['publish'];
  if (action === 'subscribe' || action === 'sub') return ['subscribe'];
  if (action === 'all' || action === 'pubsub') return ['publish', 'subscribe'];
  throw new AclError('action of a rule must be publish, subscribe or all');
}

function isTopic(topic: unknown): topic is string {
  return typeof topic === 'string' && topic !== '' && !topic.includes('${');
}
