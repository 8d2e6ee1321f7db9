import { readdirSync } from "node:fs";
import { constants, setPriority } from "node:os";

/** Has this process work only when nothing else wants to; threads that it starts later do the same. */
export function lowerPriority(): void {
  setPriority(constants.priority.PRIORITY_LOW);
  if (process.platform !== "linux") return;
  // Linux keeps a priority for each thread, and decoding runs in some that are there already.
  for (const thread of readdirSync("/proc/self/task")) {
    try {
      setPriority(Number(thread), constants.priority.PRIORITY_LOW);
    } catch (error) {
      // ESRCH: the thread has ended since.
      if ((error as { info?: { code?: string } }).info?.code !== "ESRCH") throw error;
    }
  }
}
