/** NATS operations other than messages, which are counted per listener. */

/** Of one process. Plain counters, copied by whoever publishes them. */
export class OperationCounters {
  connectIn = 0;
  subIn = 0;
  unsubIn = 0;
  pingIn = 0;
  pongIn = 0;
  infoOut = 0;
  okOut = 0;
  pingOut = 0;
  pongOut = 0;
}
