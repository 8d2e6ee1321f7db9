import { type JsonObject, valueAt } from "./canonical.ts";
import { chainHash, chainStart, commitmentsOf, leafOf, type RecordKind } from "./chain.ts";
import { type Head, isSigned, keyIdOf } from "./head.ts";
import { readHeads } from "./heads-file.ts";
import { emptyFrontier, frontierAt, grow, rootOf, type TreeNode } from "./merkle.ts";
import type { FoundRecord, Seals } from "./seals.ts";

export interface VerifyOptions {
  readonly seals: Seals;
  /** Heads that were kept elsewhere. */
  readonly headsFile?: string;
  /** Only these public keys (PEM) are trusted; absent: those that the ledger names itself. */
  readonly publicKeys?: readonly string[];
}

export interface VerifyReport {
  /** Sealed ones that were looked at. */
  readonly records: number;
  /** Of those, without their personal values. */
  readonly erased: number;
  /** Behind them: nothing protects these yet. */
  readonly unsealed: number;
  /** Signed heads in the ledger, and in the file. */
  readonly heads: number;
  readonly outsideHeads: number;
  /** The newest that was kept elsewhere. */
  readonly outside?: Head;
  readonly keyIds: readonly string[];
  /** The first ones, in words; the first of all names the first bad record. */
  readonly faults: readonly string[];
  readonly faultCount: number;
}

const pageSize = 500;
const maxFaults = 20;
/** Whole subtrees from here on are compared with what the ledger keeps for its proofs. */
const keptLevel = 8;

/**
 * Walks the whole chain as it is now, in bounded memory, and compares it with what was signed. Changes nothing. What is
 * sealed meanwhile is no fault; an erasure meanwhile may look like one.
 */
export async function verifyLedger({ seals, headsFile, publicKeys }: VerifyOptions): Promise<VerifyReport> {
  const keys = new Map((publicKeys ?? (await seals.publicKeys())).map((key) => [keyIdOf(key), key]));
  const faults: string[] = [];
  let faultCount = 0;
  const fault = (text: string) => {
    faultCount += 1;
    if (faults.length < maxFaults) faults.push(text);
  };

  const { size, head: newest } = await seals.state();
  let frontier = emptyFrontier;
  let chain = chainStart;
  let whole = true;
  const last: Record<RecordKind, number> = { event: 0, note: 0, erasure: 0 };
  const seen: Record<RecordKind, number> = { event: 0, note: 0, erasure: 0 };
  let position = 0;
  let erased = 0;
  let accounted = 0;
  const kept: TreeNode[] = [];

  const inside = headReader(insideHeads(seals, size));
  const outside = headReader(headsFile === undefined ? none() : readHeads(headsFile));
  let heads = 0;
  let outsideHeads = 0;
  let newestOutside: Head | undefined;

  function checkRecord(row: FoundRecord): void {
    const name = nameOf(row);
    if (row.position !== position) {
      const until = row.position - 1;
      const which = until === position ? `record ${position} is` : `records ${position} to ${until} are`;
      fault(`${which} gone from the chain`);
      whole = false;
    }
    if (row.seq <= last[row.kind]) fault(`${name}: it is not in the order in which the ${row.kind}s were written`);
    last[row.kind] = row.seq;
    seen[row.kind] += 1;
    const commitments = commitmentsOf({ ...row, body: row.body ?? {} });
    if (row.body === undefined) fault(`${name}: it is gone`);
    else if (commitments === undefined)
      fault(`${name}: the salts of its personal values are gone, but not by an erasure`);
    else if (leafOf({ ...row, body: row.body }, commitments) !== row.leaf) {
      fault(`${name}: it does not say any more what was sealed`);
    }
    if (chainHash(chain, row.leaf) !== row.chain) {
      fault(`${name}: it does not follow the record before it: here something was changed, moved, added or taken out`);
    }
    if (row.commitments !== undefined) erased += 1;
    if (row.kind === "erasure" && row.body !== undefined) accounted += erasedBy(row.body);
    chain = row.chain;
    frontier = grow(frontier, row.leaf, (node) => node.level >= keptLevel && kept.push(node));
    position = row.position + 1;
  }

  function checkHead(head: Head, where: string): void {
    const name = `${where} for ${head.size} records`;
    const key = keys.get(head.keyId);
    if (key === undefined) fault(`${name}: signed by key ${head.keyId}, which is none of those trusted here`);
    else if (!isSigned(head, key)) fault(`${name}: its signature is wrong`);
    if (head.size !== position || !whole) return;
    if (head.root !== rootOf(frontier) || head.chain !== chain) {
      fault(`${name}: it does not stand for the first ${head.size} records as they are here`);
    }
  }

  /** Those for exactly what was walked so far; with `all`, whatever is left. */
  async function checkHeads(all = false): Promise<void> {
    for (let next = await inside.peek(); next?.head !== undefined; next = await inside.peek()) {
      if (!all && next.head.size > position) break;
      heads += 1;
      checkHead(next.head, "signed head");
      inside.take();
    }
    if (all && newest !== undefined && newest.size > size) {
      fault(`signed head for ${newest.size} records, but there are ${size}: the end is cut off`);
    }
    for (let next = await outside.peek(); next !== undefined; next = await outside.peek()) {
      const { line, head } = next;
      const where = `head in line ${line} of ${headsFile}`;
      if (head === undefined) fault(`line ${line} of ${headsFile} holds no head`);
      else {
        if (!all && head.size > position) break;
        outsideHeads += 1;
        if (newestOutside === undefined || head.size >= newestOutside.size) newestOutside = head;
        checkHead(head, where);
        // It may have been sealed since the walk began.
        const now = head.size > position ? (await seals.state()).size : position;
        if (head.size > now) {
          fault(
            `${where} for ${head.size} records, signed ${head.time}, but there are ${now}: at least ${head.size - now} are missing from the end`,
          );
        } else if (head.size !== position && whole) await checkElsewhere(head, where);
      }
      outside.take();
    }
  }

  /** A head that comes late in its file, as two processes may write them, or is newer than the walk. */
  async function checkElsewhere(head: Head, where: string): Promise<void> {
    const root = rootOf(await frontierAt(head.size, seals.node));
    if (root !== head.root) fault(`${where} for ${head.size} records: it does not stand for those that are here`);
  }

  await checkHeads();
  while (true) {
    const page = await seals.sealed(position, pageSize);
    const rows = page.filter((row) => row.position < size);
    for (const row of rows) {
      checkRecord(row);
      await checkHeads();
    }
    for (const { level, place, hash } of whole ? kept.splice(0) : []) {
      const found = await seals.node(level, place).catch(() => undefined);
      if (found !== hash)
        fault(`the tree's node ${level}/${place}, which proofs are made of, is not what it should be`);
    }
    if (rows.length < pageSize) break;
  }
  await checkHeads(true);

  const passed = await seals.countUpTo(last);
  for (const kind of ["event", "note", "erasure"] as const) {
    const extra = passed[kind] - seen[kind];
    if (extra > 0) fault(`${extra} ${kind}${extra === 1 ? " lies" : "s lie"} among sealed ones without being sealed`);
  }
  if (erased !== accounted) {
    const unsealed = (await seals.unsealed(10_000)).filter(({ kind }) => kind === "erasure");
    accounted += unsealed.reduce((sum, { body }) => sum + erasedBy(body), 0);
    if (erased !== accounted) fault(`${erased} records have no personal values, but erasures tell of ${accounted}`);
  }
  return {
    records: position,
    erased,
    unsealed: await seals.countUnsealed(),
    heads,
    outsideHeads,
    ...(newestOutside && { outside: newestOutside }),
    keyIds: [...keys.keys()],
    faults,
    faultCount,
  };
}

function erasedBy(body: JsonObject): number {
  return typeof body.records === "number" ? body.records : 0;
}

/** A record as faults name it; what it says comes from the ledger and may be anything. */
function nameOf({ position, kind, seq, body }: FoundRecord): string {
  const job = body && valueAt(body, "job.id");
  const what = kind === "event" && typeof job === "string" ? `, ${body?.kind} of job ${job}` : "";
  return `record ${position} (${kind} ${seq}${what})`;
}

async function* insideHeads(seals: Seals, upTo: number): AsyncGenerator<{ readonly head: Head }> {
  let above = 0;
  while (true) {
    const page = await seals.heads(above, pageSize);
    for (const head of page) if (head.size <= upTo) yield { head };
    if (page.length < pageSize || page.at(-1)!.size > upTo) return;
    above = page.at(-1)!.size;
  }
}

async function* none(): AsyncGenerator<never> {}

/** The next one can be looked at before it is taken. */
function headReader<T>(source: AsyncGenerator<T>) {
  let next: Promise<IteratorResult<T>> | undefined;
  return {
    async peek(): Promise<T | undefined> {
      next ??= source.next();
      const { done, value } = await next;
      return done ? undefined : value;
    },
    take(): void {
      next = undefined;
    },
  };
}
