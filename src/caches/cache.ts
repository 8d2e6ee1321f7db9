/** The largest value that is kept: values are held in memory on their way, a few at once. */
export const maxValueBytes = 16 * 1024 * 1024;

/**
 * Keeps values for a while, under keys of 64 hexadecimal digits. It may forget any of them at any time, and never gives
 * back other bytes than were set: what was changed or half written where it lies is as good as absent. Problems:
 * store-unavailable, store-denied, store-full.
 */
export interface Cache {
  get(key: string): Promise<Buffer | undefined>;
  /** Keeps the value until that time (ms since 1970), in place of an older one; or not, where it does not fit. */
  set(key: string, value: Buffer, expiresAt: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Bytes that it holds, where it knows. */
  bytes?(): number;
  /** Removes what has expired, where that does not happen by itself. */
  sweep?(): Promise<void>;
  close(): Promise<void>;
}
