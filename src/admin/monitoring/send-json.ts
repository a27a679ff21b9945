/** Answers as nats-server labels them. */
import type { FastifyReply } from 'fastify';

/** The framework would add a charset to the type of a text, which some scrapers do not expect; of bytes it adds none. */
export function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.header('content-type', 'application/json').send(Buffer.from(text));
}
