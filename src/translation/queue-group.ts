/**
 * Queue groups to share names and back.
 * A group is one word, not a subject: `.` is an ordinary character in it and stays.
 */
import { isTooLong, stringFault } from '../mqtt/topic.ts';
import type { Mapped } from './mapped.ts';
import { mapped, refuse } from './mapped.ts';
import type { TokenCodec } from './token-codec.ts';

/**
 * Name of a queue group to the `<name>` of `$share/<name>/<filter>`.
 * @see MQTT 5.0 [MQTT-4.8.2-1] (not empty), [MQTT-4.8.2-2] (no `/`, `+`, `#`)
 */
export function queueGroupToShareName(group: string, codec: TokenCodec): Mapped {
  if (group === '') return refuse('empty_name', 'the queue group is empty');
  if (group.includes(' ')) return refuse('unmappable_token', 'a queue group cannot hold a blank');
  const fault = stringFault(group);
  if (fault !== null) return refuse(fault, 'the queue group holds bytes that MQTT strings cannot');
  const shareName = codec.groupToShareName(group);
  if (typeof shareName !== 'string') return shareName;
  if (isTooLong(shareName)) return refuse('too_long', 'the queue group is longer than 65,535 bytes');
  return mapped(shareName);
}

/** The queue group that a share name stands for; for display. */
export function shareNameToQueueGroup(shareName: string, codec: TokenCodec): Mapped {
  if (shareName === '') return refuse('empty_name', 'the share name is empty');
  if (/[/+#]/.test(shareName)) return refuse('wildcard', '"/", "+" and "#" cannot stand in a share name');
  const fault = stringFault(shareName);
  if (fault !== null) return refuse(fault, 'the share name holds characters that brokers refuse');
  const group = codec.shareNameToGroup(shareName);
  return typeof group === 'string' ? mapped(group) : group;
}
