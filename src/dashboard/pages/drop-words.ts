/** Why a message was not passed on, for people. */

/** By `DropReason`. */
export const DROP_WORDS: Readonly<Record<string, string>> = {
  untranslatable: 'the name cannot cross',
  denied: 'no permission',
  invalid_control_header: 'an Mqtt-… header is wrong',
  invalid_property: 'a header or property cannot cross',
  reply_untranslatable: 'the reply subject cannot cross',
  no_group_member: 'no member of the queue group left',
  retained_on_shared: 'retained, for a queue group',
  too_large: 'too large',
  broker_rejected: 'the broker has rejected it',
  offline: 'the broker was away',
};
