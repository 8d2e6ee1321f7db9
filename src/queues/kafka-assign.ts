/** What a member says when it joins. */
export interface GroupMember {
  readonly id: string;
  /** Partition numbers that it holds. */
  readonly owned: readonly number[];
  /** Of its claim: a claim older than another member's is void. */
  readonly generation: number;
}

/**
 * Which member reads which partition numbers, of every topic of a lane the same: a job's retries and copies come to the
 * member that has the job. Members keep what they have up to a fair share. What a member has too much of goes to
 * nobody in this round: it lets go of it first, and then the next round gives it away.
 */
export function assignPartitions(members: readonly GroupMember[], count: number): ReadonlyMap<string, number[]> {
  const ownerOf = claims(members, count);
  const held = Map.groupBy(ownerOf.keys(), (index) => ownerOf.get(index)!);
  const owned = (id: string) => held.get(id) ?? [];
  // Who has most keeps most: the fewest partitions move.
  const order = members.map(({ id }) => id).sort((a, b) => owned(b).length - owned(a).length || (a < b ? -1 : 1));
  const share = Math.floor(count / order.length);
  const rest = count % order.length;
  const assigned = new Map(order.map((id, place) => [id, owned(id).slice(0, share + (place < rest ? 1 : 0))]));

  for (let index = 0; index < count; index += 1) {
    if (ownerOf.has(index)) continue;
    const least = order.toSorted((a, b) => assigned.get(a)!.length - assigned.get(b)!.length)[0]!;
    assigned.get(least)!.push(index);
  }
  return assigned;
}

function claims(members: readonly GroupMember[], count: number): ReadonlyMap<number, string> {
  const newest = Math.max(...members.map(({ generation }) => generation));
  const ownerOf = new Map<number, string>();
  for (const { id, owned, generation } of members) {
    if (generation < newest) continue;
    for (const index of owned) if (index < count && !ownerOf.has(index)) ownerOf.set(index, id);
  }
  return ownerOf;
}
