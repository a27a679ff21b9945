/** What operators see of a gateway of one process and tell it to do. */
import { startGateway } from '../../support/gateway.ts';
import { testControl } from './contract.ts';

testControl({
  workers: 1,
  start: async (settings) => {
    const { gateway, port, stop } = await startGateway(settings);
    return { control: gateway, port, stop };
  },
});
