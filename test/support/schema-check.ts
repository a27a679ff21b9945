/** Checks values against the JSON schemas of the API's description, strictly: nothing is coerced, nothing taken out. */
import fastify, { type FastifyInstance } from 'fastify';

/** See the head of the file. */
export class SchemaCheck {
  readonly #app: FastifyInstance;

  private constructor(app: FastifyInstance) {
    this.#app = app;
  }

  static async create(): Promise<SchemaCheck> {
    const app = fastify({
      ajv: {
        customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: true },
      },
    });
    app.post<{ Body: { schema: object; value: unknown } }>('/', (request) => {
      const { schema, value } = request.body;
      const validate = request.compileValidationSchema(schema as Record<string, unknown>);
      return { errors: validate({ value }) ? [] : validate.errors };
    });
    await app.ready();
    return new SchemaCheck(app);
  }

  /** What is wrong; empty: nothing. */
  async errors(schema: unknown, value: unknown): Promise<readonly unknown[]> {
    const wrapped = { type: 'object', required: ['value'], properties: { value: schema } };
    const answer = await this.#app.inject({ method: 'POST', url: '/', payload: { schema: wrapped, value } });
    if (answer.statusCode !== 200) throw new Error(answer.body);
    return (answer.json() as { errors: unknown[] }).errors;
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}
