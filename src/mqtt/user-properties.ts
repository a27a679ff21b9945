/**
 * User properties as an ordered list, and as the object that MQTT.js takes and gives.
 * The object cannot hold every list: this file knows which lists survive it.
 */
import type { UserProperties } from './publication.ts';

/** User properties as MQTT.js has them. Built without a prototype, so that no name is special. */
export type UserPropertyObject = Record<string, string | string[]>;

/** Largest key that JavaScript objects list as a number, in front of all others. */
const MAX_ARRAY_INDEX = 2 ** 32 - 2;

/** The value of a key that objects order by number, else -1. */
function arrayIndex(name: string): number {
  if (!/^(?:0|[1-9]\d{0,9})$/.test(name)) return -1;
  const index = Number(name);
  return index <= MAX_ARRAY_INDEX ? index : -1;
}

/**
 * Whether the list comes out of MQTT.js's object unchanged: repeats of a name are neighbours and the first is
 * not empty (the MQTT.js parser forgets an empty first value), numeric names come first and rise, and no name is
 * `__proto__` (MQTT.js clones QoS 1 packets into ordinary objects, where that name is lost).
 */
export function survivesObject(list: UserProperties): boolean {
  let name: string | undefined;
  let firstValue: string | undefined;
  let index = -1;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) {
      if (firstValue === '') return false;
      continue;
    }
    const previousIndex = i === 0 ? 0 : index;
    name = list[i] ?? '';
    firstValue = list[i + 1];
    index = arrayIndex(name);
    const isOutOfOrder = index !== -1 && (previousIndex === -1 || index < previousIndex);
    if (isOutOfOrder || appearsBefore(list, i, name) || name === '__proto__') return false;
  }
  return true;
}

/** Lists are short, and most names differ in length: cheaper than a set per message. */
function appearsBefore(list: UserProperties, end: number, name: string): boolean {
  for (let i = 0; i < end; i += 2) if (list[i] === name) return true;
  return false;
}

/**
 * The object for MQTT.js, or undefined for an empty list: MQTT.js never sends a packet whose object is empty.
 * Lists that do not {@link survivesObject} lose their order across names.
 */
export function toUserPropertyObject(list: UserProperties): UserPropertyObject | undefined {
  if (list.length === 0) return undefined;
  const object: UserPropertyObject = Object.create(null);
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i] ?? '';
    const value = list[i + 1] ?? '';
    const held = object[name];
    if (held === undefined) object[name] = value;
    else if (Array.isArray(held)) held.push(value);
    else object[name] = [held, value];
  }
  return object;
}

/** The list in an object that MQTT.js has parsed. */
export function fromUserPropertyObject(object: Readonly<Record<string, string | string[]>>): string[] {
  const list: string[] = [];
  for (const [name, value] of Object.entries(object)) {
    if (typeof value === 'string') list.push(name, value);
    else for (const one of value) list.push(name, one);
  }
  return list;
}
