/** Headers, reply subject and rules of a PUB to the properties of an MQTT 5 PUBLISH. */
import type { PublicationProperties } from '../../mqtt/publication.ts';
import type { PublishOp } from '../../nats/operations.ts';
import type { ControlFields } from '../../translation/control-headers.ts';
import { headersToProperties, ORIGIN_PROPERTY } from '../../translation/headers-properties.ts';
import { replyToRequest } from '../../translation/reply-to.ts';
import { decodeUtf8Strict } from '../../translation/utf8.ts';
import type { SessionContext } from '../context.ts';
import type { Destination } from '../name-space.ts';
import type { UpstreamPort } from '../ports.ts';

/** Properties of one message, and what its control headers say. */
export interface PublishProperties {
  /** Null: none. */
  readonly fields: PublicationProperties | null;
  readonly control: ControlFields | null;
}

const NO_PROPERTIES: PublishProperties = { fields: null, control: null };

/** @returns null when the reply subject cannot cross: the message must not be sent */
export function publishProperties(
  context: SessionContext,
  op: PublishOp,
  destination: Destination,
  port: UpstreamPort,
): PublishProperties | null {
  const { connect, options, wireHeaders } = context;
  const hasHeaders = op.payloadStart > op.headerStart;
  const origin = connect.echo ? null : port.originToken;
  const hasFields =
    op.replyEnd > op.replyStart ||
    origin !== null ||
    destination.correlation !== null ||
    (destination.rule?.messageExpiry ?? null) !== null;
  if (!hasHeaders && !hasFields) return NO_PROPERTIES;
  if (!hasFields && port.features.takesWireProperties) {
    const { body, headerStart, payloadStart } = op;
    const wire = wireHeaders.toProperties(body, headerStart, payloadStart, options.controlHeaders);
    if (wire !== null) return { fields: { wireUserProperties: wire }, control: null };
  }
  return readProperties(context, op, destination, port, origin);
}

/** @param origin token to mark the message with, or null */
function readProperties(
  context: SessionContext,
  op: PublishOp,
  destination: Destination,
  { features }: UpstreamPort,
  origin: string | null,
): PublishProperties | null {
  const { options, counters } = context;
  const form = features.takesWireProperties ? 'list' : 'object';
  const headers = headersToProperties(op.body, op.headerStart, op.payloadStart, options.controlHeaders, form);
  if (headers !== null && headers.ignoredControls > 0) {
    counters.drop('invalid_control_header', headers.ignoredControls);
  }
  const control = headers?.control ?? null;
  // MQTT 3.1.1 has no properties at all.
  if (features.protocolVersion === 4) return { fields: null, control };
  const userProperties = headers?.userProperties ?? [];
  if (origin !== null) userProperties.push(ORIGIN_PROPERTY, origin);
  const fields: PublicationProperties = userProperties.length > 0 ? { userProperties } : {};
  setControlled(fields, control, destination.correlation, destination.rule?.messageExpiry ?? null);
  return setResponseTopic(context, op, fields, control) ? { fields, control } : null;
}

/** What a control header, a rule or the request that is answered says about the message. */
function setControlled(
  fields: PublicationProperties,
  control: ControlFields | null,
  correlation: Buffer | null,
  expiry: number | null,
): void {
  const lifetime = control?.messageExpiry ?? expiry;
  if (lifetime !== null) fields.messageExpiry = lifetime;
  if (control?.contentType !== undefined) fields.contentType = control.contentType;
  const correlationData = correlation?.length ? correlation : control?.correlationData;
  if (correlationData !== undefined) fields.correlationData = correlationData;
}

/** A reply subject beats the control header. @returns false when the reply subject cannot cross */
function setResponseTopic(
  context: SessionContext,
  op: PublishOp,
  fields: PublicationProperties,
  control: ControlFields | null,
): boolean {
  const { mapper } = context.names;
  if (op.replyEnd === op.replyStart) {
    if (control?.responseTopic === undefined) return true;
    const topic = mapper.clientTopic(control.responseTopic);
    const { permissions } = context;
    const isAllowed = topic.ok && (permissions === null || permissions.mayReplyToTopic(topic.name));
    if (topic.ok && isAllowed) fields.responseTopic = topic.name;
    else context.counters.drop('invalid_control_header');
    return true;
  }
  const reply = decodeUtf8Strict(op.line, op.replyStart, op.replyEnd);
  const request = reply === null ? null : replyToRequest(mapper, reply);
  if (request === null || !request.ok) return false;
  fields.responseTopic = request.responseTopic;
  fields.correlationData = request.correlationData;
  return true;
}

/** Upper bound: a header byte costs three at most, in a property of its own and within a raw block. */
export function propertyBytes(properties: PublicationProperties, headerBytes: number): number {
  const { responseTopic = '', contentType = '', correlationData } = properties;
  const fieldBytes = Buffer.byteLength(responseTopic) + Buffer.byteLength(contentType);
  return 128 + headerBytes * 3 + fieldBytes + (correlationData?.length ?? 0);
}
