/** What the exit codes of the program mean; the larger ones are those of sysexits.h. */
export const EXIT = {
  ok: 0,
  /** Something failed while running. */
  failure: 1,
  /** Wrong command line. */
  usage: 2,
  /** `EX_UNAVAILABLE`: an address to listen on is taken. */
  unavailable: 69,
  /** `EX_CONFIG`: the configuration is wrong; starting again will not help. */
  configuration: 78,
} as const;
