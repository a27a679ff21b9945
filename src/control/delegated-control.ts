/** The part of {@link GatewayControl} that is about looking and asking, passed on to whoever knows the answers. Pure. */
import type { GatewayControl } from './gateway-control.ts';

/** What a gateway is asked for. */
export type AskedControl = Pick<
  GatewayControl,
  | 'identity'
  | 'readiness'
  | 'clients'
  | 'subscriptions'
  | 'kick'
  | 'listeners'
  | 'upstream'
  | 'certificates'
  | 'tap'
>;

/** A gateway that has an object for all that. */
export abstract class DelegatedControl implements AskedControl {
  protected abstract readonly control: AskedControl;

  get identity(): GatewayControl['identity'] {
    return this.control.identity;
  }

  readonly readiness: GatewayControl['readiness'] = () => this.control.readiness();
  readonly clients: GatewayControl['clients'] = (query) => this.control.clients(query);
  readonly subscriptions: GatewayControl['subscriptions'] = (query) => this.control.subscriptions(query);
  readonly kick: GatewayControl['kick'] = (who) => this.control.kick(who);
  readonly listeners: GatewayControl['listeners'] = () => this.control.listeners();
  readonly upstream: GatewayControl['upstream'] = () => this.control.upstream();
  readonly certificates: GatewayControl['certificates'] = () => this.control.certificates();
  readonly tap: GatewayControl['tap'] = (request, onMessage) => this.control.tap(request, onMessage);
}
