/** The page at `/` where the dashboard is not part of the build: links to what there is, as nats-server has it. */
import type { FastifyInstance } from 'fastify';
import type { AdminContext } from '../context.ts';

const LINKS: readonly (readonly [path: string, title: string])[] = [
  ['varz', 'General'],
  ['connz', 'Connections'],
  ['subsz', 'Subscriptions'],
  ['accountz', 'Accounts'],
  ['accstatz', 'Account statistics'],
  ['jsz', 'JetStream'],
  ['routez', 'Routes'],
  ['leafz', 'Leaf nodes'],
  ['gatewayz', 'Gateways'],
  ['healthz', 'Health'],
  ['readyz', 'Readiness'],
  ['metrics', 'Metrics'],
  ['api/v1/openapi.json', 'Admin API'],
];

/** Registers the page. */
export function addIndexPage(app: FastifyInstance, { control }: AdminContext): void {
  app.get('/', { config: { access: 'monitoring' } }, (_request, reply) => {
    const { version } = control.identity;
    const items = LINKS.map(([path, title]) => `    <li><a href="./${path}">${title}</a></li>`).join('\n');
    return reply.type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>nats-mqtt-gateway</title></head>
  <body>
    <h1>nats-mqtt-gateway ${version}</h1>
    <ul>
${items}
    </ul>
    <p>The dashboard is not part of this build; <code>npm run build</code> makes it.</p>
  </body>
</html>
`);
  });
}
