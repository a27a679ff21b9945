/**
 * Finds the topic filters that match a topic name, in time that depends on the topic's depth and not on the
 * number of filters. Knows MQTT matching only.
 */

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** Values of filters that end here. */
  values: Set<T> | null;
}

const newNode = <T>(): Node<T> => ({ children: new Map(), values: null });

/** Topic filters (without `$share`), each with any number of values. */
export class FilterTrie<T> {
  #root: Node<T> = newNode();

  add(filter: string, value: T): void {
    let node = this.#root;
    for (const level of filter.split('/')) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = newNode();
        node.children.set(level, child);
      }
      node = child;
    }
    node.values ??= new Set();
    node.values.add(value);
  }

  delete(filter: string, value: T): void {
    remove(this.#root, filter.split('/'), 0, value);
  }

  /**
   * Calls `visit` for each value whose filter matches.
   * @param seesDollar for brokers that do not follow MQTT 5.0 [MQTT-4.7.2-1]: a leading wildcard does not match a
   *   leading `$`
   */
  match(topic: string, visit: (value: T) => void, seesDollar = false): void {
    walk(this.#root, topic.split('/'), 0, visit, !seesDollar && topic.startsWith('$'));
  }
}

function emit<T>(node: Node<T> | undefined, visit: (value: T) => void): void {
  if (node?.values) for (const value of node.values) visit(value);
}

function walk<T>(
  node: Node<T>,
  levels: string[],
  at: number,
  visit: (value: T) => void,
  isHidden: boolean,
): void {
  const mayWild = !(isHidden && at === 0);
  if (mayWild) emit(node.children.get('#'), visit);
  const level = levels[at];
  if (level === undefined) {
    emit(node, visit);
    return;
  }
  const literal = node.children.get(level);
  if (literal !== undefined) walk(literal, levels, at + 1, visit, isHidden);
  const plus = mayWild ? node.children.get('+') : undefined;
  // A topic level that is itself `+` (some brokers pass it) must not be visited twice.
  if (plus !== undefined && plus !== literal) walk(plus, levels, at + 1, visit, isHidden);
}

function remove<T>(node: Node<T>, levels: string[], at: number, value: T): boolean {
  const level = levels[at];
  if (level === undefined) {
    node.values?.delete(value);
    if (node.values?.size === 0) node.values = null;
  } else {
    const child = node.children.get(level);
    if (child !== undefined && remove(child, levels, at + 1, value)) node.children.delete(level);
  }
  return node.values === null && node.children.size === 0;
}
