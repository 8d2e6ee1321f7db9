import type { Readable } from "node:stream";

export interface ObjectInfo {
  /** As the store names it. Stores of folders know none that starts with `/` or has an empty, `.` or `..` segment. */
  readonly key: string;
  /** Changes whenever the content does; opaque. */
  readonly version: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** When anything about it changed last, where the store knows: a copy may carry its source's old modification time. */
  readonly changedAt?: number;
  /** What was put with it, by names in lower case: from `get` and `head` alone, and of stores that keep such. */
  readonly metadata?: Metadata;
}

/** Names are lower case letters, digits and dashes, values printable ASCII; 2 kB in all. */
export type Metadata = Readonly<Record<string, string>>;

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
  /** Bytes the body will have. A store may send them in one go; a body that ends before or after fails. */
  readonly size?: number;
  /** Refuse with `already-exists` unless nothing is there. */
  readonly ifNoneMatch?: "*";
  /**
   * Refuse with `already-exists` unless this version is there. Stores without conditional writes look right before the
   * new object takes its place.
   */
  readonly ifMatch?: string;
  /** Asked when all bytes are there and nobody sees them yet: what it throws leaves the old object. Not of stores with conditional writes. */
  readonly beforeVisible?: () => Promise<void>;
  /** Kept by stores that can. */
  readonly metadata?: Metadata;
  /** For stores that know of such: permission bits, who owns it, and the modification time it is to have (ms since 1970). */
  readonly attributes?: Attributes;
}

export interface ListOptions {
  /** When it aborts, the listing fails with its reason once the step that it is at has ended. */
  readonly signal?: AbortSignal | undefined;
  /** Told of a key, or of a folder by a slash at its end, that could not be looked at: what is there, this listing does not say. */
  readonly onUnknown?: ((prefix: string) => void) | undefined;
}

export interface RemoveOptions {
  /**
   * Refuse with `changed-while-reading` where another version is there. Stores without conditional removals look right
   * before; those of folders give the file another name first, so that none which came meanwhile is removed. One of the
   * same version that died in between goes on.
   */
  readonly ifMatch?: string;
}

/**
 * Holds bytes. Failures are Problems: `not-found`, `invalid-request` (a key that would leave the store),
 * `changed-while-reading`, `already-exists`, `store-unavailable`, `store-denied`, `store-full`. Each names store and key.
 */
export interface Store {
  readonly name: string;
  /** Whoever writes to it, no reader ever meets half an object: what is there is whole. */
  readonly appearsWhole?: true;
  get(key: string, options?: GetOptions): Promise<{ readonly info: ObjectInfo; readonly stream: Readable }>;
  /** Atomic for readers: they see the old object, or the whole new one. A body that fails leaves nothing behind. */
  put(key: string, body: Readable, options: PutOptions): Promise<ObjectInfo>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /** All objects below a prefix (a folder, or "" for all), streamed, in no promised order; none that is just being removed. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /** Removing what is not there is no failure. */
  remove(key: string, options?: RemoveOptions): Promise<void>;
  /**
   * Hints that these keys may have appeared or changed; may miss or repeat. An empty batch says that hints may have
   * been lost and that the listing knows better; the first batch is one. Ends when the signal aborts.
   */
  watch?(signal: AbortSignal): AsyncIterable<readonly string[]>;
  /** Removes what interrupted puts have left behind, once it is that old (a day); answers how many. The signal ends it as it does `list`. */
  sweep?(olderThanMs?: number, signal?: AbortSignal): Promise<number>;
  close(): Promise<void>;
}
