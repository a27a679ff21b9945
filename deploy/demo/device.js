/**
 * The MQTT side of the demo: an ordinary MQTT 5 device that knows nothing of NATS. Sends temperatures, answers questions for its
 * state, and asks a service for the average.
 */
import mqtt from 'mqtt';

const ANSWERS = 'demo/device/answers';

const client = mqtt.connect(process.env.MQTT_URL ?? 'mqtt://127.0.0.1:1883', { protocolVersion: 5 });
let count = 0;

client.on('connect', () => console.log('device: connected'));
client.on('error', (error) => console.error(`device: ${error.message}`));
client.subscribe(['demo/device/state', ANSWERS], { qos: 1 });

client.on('message', (topic, payload, packet) => {
  if (topic === ANSWERS) return console.log(`device: the average is ${payload}`);
  const { responseTopic, correlationData, userProperties } = packet.properties ?? {};
  if (responseTopic === undefined) return;
  console.log(`device: asked by ${userProperties?.['asked-by'] ?? 'somebody'}`);
  client.publish(responseTopic, JSON.stringify({ sent: count }), {
    qos: 1,
    properties: correlationData === undefined ? {} : { correlationData },
  });
});

const timer = setInterval(() => {
  count += 1;
  // The room has a blank, which a NATS subject cannot hold: the service sees living%20room.
  client.publish('demo/living room/temperature', (20 + Math.random() * 2).toFixed(1), {
    properties: { userProperties: { unit: 'Celsius' } },
  });
  if (count % 3 === 0) {
    client.publish('demo/average', '', {
      qos: 1,
      properties: { responseTopic: ANSWERS, correlationData: Buffer.from(String(count)) },
    });
  }
}, 1_000);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    clearInterval(timer);
    client.end();
  });
}
