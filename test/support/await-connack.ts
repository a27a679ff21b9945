/** Whether an MQTT broker answers: one CONNECT of MQTT 3.1.1, which all of them understand. */
import { createConnection } from 'node:net';
import mqttPacket from 'mqtt-packet';
import { LOOPBACK } from './free-port.ts';
import { within } from './wait-for.ts';

const LIMIT_MS = 5_000;

/**
 * Any CONNACK will do: where passwords are required, a refusal shows that the broker works.
 * @throws {Error} when something else comes, or nothing
 */
export async function awaitConnack(port: number): Promise<void> {
  const socket = createConnection({ host: LOOPBACK, port });
  const answered = new Promise<void>((resolve, reject) => {
    socket.once('data', (bytes) => {
      if (bytes[0] === 0x20) resolve();
      else reject(new Error('the first packet is not CONNACK'));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before CONNACK')));
  });
  socket.write(
    mqttPacket.generate({
      cmd: 'connect',
      clientId: 'ready-probe',
      protocolVersion: 4,
      clean: true,
      keepalive: 10,
    }),
  );
  try {
    await within(answered, LIMIT_MS, 'CONNACK');
  } finally {
    socket.destroy();
  }
}
