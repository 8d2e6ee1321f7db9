/** A user that owns nothing and that no system gives to anybody. */
export interface EngineOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Reserved by Debian (policy 9.2.2, to 65533) and unused in systemd's table of ids (from 65520). */
const [lowest, highest] = [65_520, 65_533];
const borrowers = new Map<number, number>();

/** Whether engine processes can run as others than the service. */
export const hasOwners = process.geteuid?.() === 0;

/** A user for one engine process, which no other one runs as, of fourteen at once. */
export function borrowOwner(): EngineOwner & Disposable {
  let uid = highest;
  for (let other = highest; other >= lowest; other--) if (count(other) < count(uid)) uid = other;
  borrowers.set(uid, count(uid) + 1);
  return { uid, gid: uid, [Symbol.dispose]: () => void borrowers.set(uid, count(uid) - 1) };
}

function count(uid: number): number {
  return borrowers.get(uid) ?? 0;
}
