/**
 * Who does what only one may do at a time. The database's clock counts, never a host's. A lease is lost by whoever did
 * not renew it in time, also without knowing it: what must not happen twice checks its fencing number where it is written.
 */
export interface Leases {
  /**
   * Takes the lease where it is free, has run out, or is the holder's own already. Answers its fencing number, which is
   * greater than every one before; undefined: another one holds it.
   */
  acquire(name: string, holder: string, ttlMs: number): Promise<number | undefined>;
  /** Lets it last for so long from now on. False: another one has it, or has had it. */
  renew(name: string, fence: number, ttlMs: number): Promise<boolean>;
  /** Gives it back; nothing, where another one has it. */
  release(name: string, fence: number): Promise<void>;
}
