import { Problem } from "../errors.ts";
import { createOffsets } from "./kafka-offsets.ts";

/** One partition that this process holds, for as long as it does. */
export interface KafkaPartition {
  readonly topic: string;
  readonly index: number;
  /** Revoked, or the session is over: others may read what was not committed. */
  readonly isLost: boolean;
  readonly next: bigint;
  readonly open: number;
  /** What a commit would have to say, if it said more than the last one. */
  readonly uncommitted: bigint | undefined;
  take(offset: bigint): void;
  skipTo(offset: bigint): void;
  /** Resolves once the log knows all that this settles for certain; rejects with `lease-lost` if it never will. */
  settle(offset: bigint): Promise<void>;
  committed(offset: bigint): void;
  /** Looks at the clock too: a process that slept has not been told yet. */
  isHeld(): boolean;
  lose(): void;
}

export interface KafkaPartitionOptions {
  readonly topic: string;
  readonly index: number;
  /** The first offset that is not settled yet. */
  readonly start: bigint;
  isAlive(): boolean;
  /** Commits what is uncommitted; resolves when it has tried. */
  commit(): Promise<void>;
  /** Told once. */
  onLost(partition: KafkaPartition): void;
}

export function createPartition(options: KafkaPartitionOptions): KafkaPartition {
  const { topic, index, start, isAlive, commit, onLost } = options;
  let isLost = false;
  const offsets = createOffsets(start);
  let committed = start;
  const partition: KafkaPartition = {
    topic,
    index,
    get isLost() {
      return isLost;
    },
    get next() {
      return offsets.next;
    },
    get open() {
      return offsets.open;
    },
    get uncommitted() {
      return offsets.committable > committed ? offsets.committable : undefined;
    },
    take: offsets.take,
    skipTo: offsets.skipTo,
    async settle(offset) {
      offsets.settle(offset);
      const wanted = offsets.committable;
      while (committed < wanted) {
        if (!partition.isHeld()) throw new Problem("lease-lost", `Partition ${index} of ${topic} was lost`);
        await commit();
      }
    },
    committed(offset) {
      if (offset > committed) committed = offset;
    },
    isHeld: () => !isLost && isAlive(),
    lose() {
      if (isLost) return;
      isLost = true;
      onLost(partition);
    },
  };
  return partition;
}
