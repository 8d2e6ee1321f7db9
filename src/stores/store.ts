import type { Readable } from "node:stream";

export interface ObjectInfo {
  /** Relative, `/` between segments, never starting with it and without `.` or `..` segments. */
  readonly key: string;
  /** Changes whenever the content does; opaque. */
  readonly version: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** When anything about it changed last, where the store knows: a copy may carry its source's old modification time. */
  readonly changedAt?: number;
}

export interface GetOptions {
  /** Refuse with `changed-while-reading` unless the object still has this version. */
  readonly version?: string;
  /** Bytes `start` to `end`, both included; absent: all. */
  readonly range?: { readonly start: number; readonly end: number };
}

export interface Attributes {
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly modifiedAt?: number;
}

export interface PutOptions {
  readonly contentType: string;
  /** Refuse with `already-exists` unless nothing is there. */
  readonly ifNoneMatch?: "*";
  /** For stores that know of such: permission bits, who owns it, and the modification time it is to have (ms since 1970). */
  readonly attributes?: Attributes;
}

/**
 * Holds bytes. Failures are Problems: `not-found`, `invalid-request` (a key that would leave the store),
 * `changed-while-reading`, `already-exists`, `store-unavailable`, `store-denied`, `store-full`.
 */
export interface Store {
  readonly name: string;
  get(key: string, options?: GetOptions): Promise<{ readonly info: ObjectInfo; readonly stream: Readable }>;
  /** Atomic for readers: they see the old object, or the whole new one. A body that fails leaves nothing behind. */
  put(key: string, body: Readable, options: PutOptions): Promise<ObjectInfo>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /** All objects below a prefix (a folder, or "" for all), streamed, in no promised order. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Removing what is not there is no failure. */
  remove(key: string): Promise<void>;
  /**
   * Hints that these keys may have appeared or changed; may miss or repeat. An empty batch says that hints may have
   * been lost and that the listing knows better; the first batch is one. Ends when the signal aborts.
   */
  watch?(signal: AbortSignal): AsyncIterable<readonly string[]>;
  close(): Promise<void>;
}
