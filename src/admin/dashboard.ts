/** Serves the dashboard, which is built into files next to the program; says how to build it where it was not. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** `dist/dashboard`, seen from src/admin/ as well as from dist/admin/. */
const FOLDERS = ['../dashboard', '../../dist/dashboard'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** The folder of the built dashboard, or null. That of its sources has no built page. */
export function dashboardFolder(): string | null {
  return (
    FOLDERS.find((folder) => existsSync(`${folder}/index.html`) && existsSync(`${folder}/assets`)) ?? null
  );
}

/** Serves its files under `/`. They hold no secrets: whoever opens the page is asked to log in. */
export async function addDashboard(app: FastifyInstance, folder: string): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'everyone' };
  });
  app.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode >= 400) return;
    // Names of built files change with their content; that of the page does not.
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    reply.header('cache-control', isPage ? 'no-cache' : 'public, max-age=31536000, immutable');
  });
  await app.register(fastifyStatic, {
    root: folder,
    // A route for each file that there is, and none for what might be one.
    wildcard: false,
    decorateReply: false,
    cacheControl: false,
  });
}
