/**
 * Builders for the name mappers of the tests.
 */
import {
  createNameMapper,
  type MappingProfile,
  type NameMapper,
  type NameMapperOptions,
} from '../../../src/translation/subject-topic.ts';

/** All profiles, for tests that hold in each. */
export const PROFILES: readonly MappingProfile[] = ['escape', 'emqx', 'nats-server'];

/** A mapper with the shipped settings, except for those given. */
export function mapperWith(options: Partial<NameMapperOptions> = {}): NameMapper {
  return createNameMapper({
    profile: 'escape',
    escapeDollar: false,
    allowDollar: [],
    mountpoint: '',
    ...options,
  });
}
