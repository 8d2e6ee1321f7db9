import { readdirSync } from "node:fs";
import { constants, setPriority } from "node:os";

/**
 * Has this process, and threads that it starts later, give way to others. It still gets on beside them: a measurement
 * that never ends would never warn.
 */
export function lowerPriority(): void {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  if (process.platform !== "linux") return;
  // Linux keeps a priority for each thread, and decoding runs in some that are there already.
  for (const thread of readdirSync("/proc/self/task")) {
    try {
      setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
    } catch (error) {
      // ESRCH: the thread has ended since.
      if ((error as { info?: { code?: string } }).info?.code !== "ESRCH") throw error;
    }
  }
}
