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

  /** Whether clients get the same names as by other settings; rules aside. */
  hasSameNames({ mapping, mountpoint, listener }: NameSpaceOptions): boolean {
    const mine = this.#options;
    return (
      mine.mountpoint === mountpoint && mine.listener === listener && isSameMapping(mine.mapping, mapping)
    );
  }

  /** Other rules, for messages from now on. Name spaces of single clients follow by {@link NameSpaces.update}. */
  useRules(rules: readonly PublishRule[]): void {
    this.#options = { ...this.#options, rules };
    this.common.useRules(rules);
  }

  /**
   * Brings a client's names to what holds now.
   * @param former has made them
   * @returns false when it would get others
   */
  update(names: NameSpace, former: NameSpaces, source: TemplateSource): boolean {
    const { mapping, rules } = this.#options;
    if (former !== this) {
      if (!isSameMapping(mapping, former.#options.mapping)) return false;
      if (this.#mountpointOf(source) !== names.mapper.mountpoint) return false;
    }
    names.useRules(rules);
    return true;
  }

  /** @returns null when it cannot be said any more */
  #mountpointOf(source: TemplateSource): string | null {
    if (source.identity !== null && source.identity.mountpoint !== null) return source.identity.mountpoint;
    if (this.#isShared) return this.common.mapper.mountpoint;
    try {
      return renderMountpoint(this.#options.mountpoint, source);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'GW_AUTHORIZATION') return null;
      throw error;
    }
  }

  /** A backend may say anything; what is no topic prefix must not become one. */
  #buildOwn(mountpoint: string): NameSpace {
    try {
      return this.#build(mountpoint);
    } catch (cause) {
      const why = cause instanceof GatewayError ? `: ${cause.message}` : '';
      throw new GatewayError('GW_AUTHORIZATION', `the mountpoint of an identity is unusable${why}`, {
        cause,
      });
    }
  }

  #build(mountpoint: string): NameSpace {
    const { mapping, rules } = this.#options;
    return new NameSpace(createNameMapper({ ...mapping, mountpoint }), rules, mapping.allowDollar);
  }
}

function isSameMapping(one: NameSpaceOptions['mapping'], other: NameSpaceOptions['mapping']): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
