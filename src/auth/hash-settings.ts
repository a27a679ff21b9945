/** `password_hash_algorithm` of the configuration → the form that password checks use. Pure. */
import type { HashAlgorithm } from './password-hash.ts';

/** Named as in the configuration. */
export interface HashSettings {
  readonly name: HashAlgorithm['name'];
  readonly salt_position: HashAlgorithm['saltPosition'];
  readonly mac_fun: HashAlgorithm['macFunction'];
  readonly iterations: number;
  readonly dk_length: number | null;
}

/** See the head of the file. */
export function hashAlgorithm(settings: HashSettings): HashAlgorithm {
  return {
    name: settings.name,
    saltPosition: settings.salt_position,
    macFunction: settings.mac_fun,
    iterations: settings.iterations,
    keyBytes: settings.dk_length,
  };
}
