/** `GET` and `PATCH /settings`. */
import { resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { takeOver } from '../../config/changes.ts';
import type { Config } from '../../config/config.ts';
import { keysOf } from '../../config/key.ts';
import { parsePath, valueAt } from '../../config/key-path.ts';
import { masked } from '../../config/mask.ts';
import { SCHEMA } from '../../config/schema.ts';
import { fieldOf } from '../../config/setting-kind.ts';
import { GatewayError } from '../../errors.ts';
import type { AppliedBody, SettingsBody, SettingsChange, SettingView } from '../api-types.ts';
import type { AdminContext } from '../context.ts';
import { routeSchema } from './route.ts';
import { appliedBody, settingsBody, settingsChange } from './schemas/settings.ts';
import { changedText } from './setting-changes.ts';
import { sourceOf } from './setting-origin.ts';
import type { CurrentSettings, SettingsEditor } from './settings-editor.ts';

/** Registers the routes. */
export function addSettings(app: FastifyInstance, { control }: AdminContext, editor: SettingsEditor): void {
  const tag = 'settings';

  app.get(
    '/settings',
    {
      schema: routeSchema({
        ...{ tag, summary: 'All settings: values, where they come from, what they may hold' },
        ...{ answers: { 200: settingsBody }, problems: [409] },
      }),
    },
    (): SettingsBody => {
      const current = editor.current();
      const { file, revision } = current;
      return {
        file: { path: resolve(file.path), isThere: file.isThere, isWritable: file.isWritable },
        revision,
        settings: viewsOf(current, control.config),
      };
    },
  );

  app.patch<{ Body: SettingsChange }>(
    '/settings',
    {
      schema: routeSchema({
        ...{ tag, summary: 'Change settings in the configuration file, and in the running gateway' },
        description:
          'Everything is checked before anything is written; comments stay. A secret of `********` stays as it is.',
        ...{ body: settingsChange, answers: { 200: appliedBody }, problems: [409, 412], isChange: true },
      }),
    },
    async (request): Promise<AppliedBody> => {
      const { changes, revision } = request.body;
      request.change = { action: 'change settings', target: Object.keys(changes).join(' ').slice(0, 500) };
      return editor.change((current) => changedText(current, changes), revision);
    },
  );
}

function viewsOf({ loaded }: CurrentSettings, inForce: Config): SettingView[] {
  const pending = pendingOf(inForce, loaded.config);
  return [...keysOf(SCHEMA)].map(([path, key]) => {
    const origin = sourceOf(loaded.originOf(path));
    const shown = masked(key, valueAt(loaded.values, parsePath(path) ?? []));
    return {
      ...fieldOf(path, key),
      current: key.isSecret === true && shown === '' ? null : (shown ?? null),
      ...origin,
      isLocked: origin.source === 'environment' || origin.source === 'flag',
      needsRestart: key.needsRestart === true,
      isPending: pending.some((setting) => path === setting || path.startsWith(`${setting}.`)),
    };
  });
}

/** Settings that wait for a restart. */
function pendingOf(inForce: Config, wanted: Config): readonly string[] {
  try {
    return takeOver(inForce, wanted).needsRestart;
  } catch (error) {
    // What stands in the file would be refused by a reload: nothing of it waits.
    if (error instanceof GatewayError && error.code === 'GW_CONFIG') return [];
    throw error;
  }
}
