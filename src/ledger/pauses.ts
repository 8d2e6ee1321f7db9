/** What somebody has told to wait: routes, or everything. It outlasts restarts, and every process over the same ledger sees it. */
export interface Pauses {
  /** Without a route: everything in the bulk lane. */
  pause(route?: string): Promise<void>;
  /** Without a route: all pauses end. */
  resume(route?: string): Promise<void>;
  /** As the database has it now. */
  read(): Promise<Paused>;
}

export interface Paused {
  readonly all: boolean;
  readonly routes: readonly string[];
}

/** No route is called so. */
export const everything = "";

/** What the names in a database say. */
export function toPaused(names: readonly string[]): Paused {
  return { all: names.includes(everything), routes: names.filter((name) => name !== everything) };
}
