/**
 * The NATS side of the demo: knows nothing of MQTT. Calculates the average of what sensors send, answers questions for it, and
 * asks the device for its state.
 */
import { connect, headers, RequestError } from '@nats-io/transport-node';

const nc = await connect({ servers: process.env.NATS_URL ?? 'nats://127.0.0.1:4222', name: 'demo-service' });
console.log(`service: connected to ${nc.getServer()}`);

const temperatures = [];
nc.subscribe('demo.*.temperature', {
  callback: (error, message) => {
    if (error) return console.error(`service: ${error.message}`);
    const room = message.subject.split('.')[1];
    temperatures.push(Number(message.string()));
    if (temperatures.length > 10) temperatures.shift();
    console.log(`service: ${room} has ${message.string()} ${message.headers?.get('unit') ?? ''}`);
  },
});

// A device asks for it by MQTT's Response Topic; several services would share the work as a queue group.
nc.subscribe('demo.average', {
  queue: 'calculators',
  callback: (error, message) => {
    if (error) return console.error(`service: ${error.message}`);
    const average = temperatures.reduce((sum, value) => sum + value, 0) / Math.max(1, temperatures.length);
    message.respond(average.toFixed(1));
    console.log('service: answered the device');
  },
});

const timer = setInterval(askDevice, 2_000);

async function askDevice() {
  const h = headers();
  h.set('asked-by', 'service');
  try {
    const answer = await nc.request('demo.device.state', 'all', { timeout: 1_500, headers: h });
    console.log(`service: the device says ${answer.string()}`);
  } catch (error) {
    const absent = error instanceof RequestError && error.isNoResponders();
    console.log(`service: ${absent ? 'the device is not there' : error.message}`);
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    clearInterval(timer);
    nc.drain().catch((error) => console.error(`service: ${error.message}`));
  });
}
const reason = await nc.closed();
if (reason) console.error(`service: ${reason.message}`);
