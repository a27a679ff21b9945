/** Which names a client sees: one shared name space per listener, or its own where the mountpoint names it. */
import { GatewayError } from '../errors.ts';
import { createNameMapper, type NameMapperOptions } from '../translation/subject-topic.ts';
import { renderTemplate } from '../util/template.ts';
import { isPerClient, renderMountpoint, type TemplateSource } from './client-info.ts';
import { NameSpace, type PublishRule } from './name-space.ts';

/** Settings of the names of one listener. */
export interface NameSpaceOptions {
  readonly mapping: Omit<NameMapperOptions, 'mountpoint'>;
  /** Template; see `renderMountpoint`. */
  readonly mountpoint: string;
  readonly listener: string;
  readonly rules: readonly PublishRule[];
}

/** The name spaces of one listener. */
export class NameSpaces {
  /** Of clients about which nothing is known; the space of all where the mountpoint is the same for all. */
  readonly common: NameSpace;
  #options: NameSpaceOptions;
  #isShared: boolean;

  /** @throws {GatewayError} `GW_CONFIG` for an unusable mountpoint */
  constructor(options: NameSpaceOptions) {
    this.#options = options;
    this.#isShared = !isPerClient(options.mountpoint);
    const fixed = renderTemplate(options.mountpoint, (name) =>
      name === 'listener' ? options.listener : null,
    );
    this.common = this.#build(this.#isShared ? (fixed ?? '') : '');
  }

  /** @throws {GatewayError} `GW_AUTHORIZATION` when a value of the mountpoint is missing or unusable */
  of(source: TemplateSource): NameSpace {
    const own = source.identity?.mountpoint ?? null;
    if (own !== null) return this.#buildOwn(own);
    if (this.#isShared) return this.common;
    return this.#build(renderMountpoint(this.#options.mountpoint, source));
  }

  /** A backend may say anything; what is no topic prefix must not become one. */
  #buildOwn(mountpoint: string): NameSpace {
    try {
      return this.#build(mountpoint);
    } catch (cause) {
      throw new GatewayError('GW_AUTHORIZATION', 'the mountpoint of an identity is unusable', { cause });
    }
  }

  #build(mountpoint: string): NameSpace {
    const { mapping, rules } = this.#options;
    return new NameSpace(createNameMapper({ ...mapping, mountpoint }), rules, mapping.allowDollar);
  }
}
