/** What was taken from one partition of a log, and up to where all of it is settled. */
export interface Offsets {
  /** The offset to read from next. */
  readonly next: bigint;
  /** Everything below is settled, nothing that is not. */
  readonly committable: bigint;
  /** How many were taken at or above `committable`: those not settled, and those settled above one that is not. */
  readonly open: number;
  /** Offsets come in growing order. */
  take(offset: bigint): void;
  /** Passes over offsets that hold nothing to take. */
  skipTo(offset: bigint): void;
  settle(offset: bigint): void;
}

/** A log commits one number, so what is settled out of order waits until the gap below it closes. */
export function createOffsets(start: bigint): Offsets {
  /** In growing order, as Maps keep the order of insertion. */
  const taken = new Map<bigint, "open" | "settled">();
  let next = start;
  return {
    get next() {
      return next;
    },
    get committable() {
      const lowest = taken.keys().next();
      return lowest.done ? next : lowest.value;
    },
    get open() {
      return taken.size;
    },
    take(offset) {
      taken.set(offset, "open");
      next = offset + 1n;
    },
    skipTo(offset) {
      if (offset > next) next = offset;
    },
    settle(offset) {
      if (taken.has(offset)) taken.set(offset, "settled");
      for (const [lowest, state] of taken) {
        if (state === "open") return;
        taken.delete(lowest);
      }
    },
  };
}
