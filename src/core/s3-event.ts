import { Problem } from "../errors.ts";

/** That something happened to an object of a bucket: a hint, whatever it says of size and version. */
export interface S3Event {
  readonly bucket: string;
  /** Its name. Of a sender that nobody knows it may be one of two: as it stands, and decoded as a URL. */
  readonly keys: readonly string[];
  readonly kind: "created" | "removed";
}

/** More of them in one message than any store sends. */
const mostRecords = 10_000;

/**
 * What a message says: the records of AWS, MinIO or Ceph, MinIO's short form, one event of EventBridge, or any of them in
 * an SNS envelope. What is neither creation nor removal is left out. Problem: invalid-request.
 */
export function parseS3Events(message: unknown): readonly S3Event[] {
  const { Type, Message, Event, EventName, Key, Records, detail, "detail-type": detailType } = fieldsOf(message);
  if (Type === "Notification" && typeof Message === "string") return parseS3Events(parseJson(Message));
  // What AWS sends when somebody sets it up.
  if (Event === "s3:TestEvent") return [];
  if (typeof detailType === "string") return eventOf(detailType.replace(" ", ""), bridged(detail));
  if (Array.isArray(Records)) {
    if (Records.length > mostRecords) throw unreadable(`at most ${mostRecords} records`);
    return Records.flatMap(ofRecord);
  }
  if (typeof EventName === "string" && typeof Key === "string") {
    const slash = Key.indexOf("/");
    if (slash <= 0) throw unreadable("a Key of BUCKET/NAME");
    return eventOf(EventName, { bucket: Key.slice(0, slash), keys: [Key.slice(slash + 1)] });
  }
  throw unreadable("Records, or EventName and Key");
}

/** JSON out of a message's bytes. Problem: invalid-request; nothing of the message is in it. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable("JSON");
  }
}

type Named = Pick<S3Event, "bucket" | "keys">;

function ofRecord(record: unknown): readonly S3Event[] {
  const { eventName, eventSource, s3 } = fieldsOf(record);
  const { bucket, object } = fieldsOf(s3);
  const { name } = fieldsOf(bucket);
  const { key } = fieldsOf(object);
  if (typeof eventName !== "string" || typeof name !== "string" || typeof key !== "string") {
    throw unreadable("records with eventName, s3.bucket.name and s3.object.key");
  }
  return eventOf(eventName, { bucket: name, keys: namesOf(key, String(eventSource)) });
}

/** AWS and MinIO encode names as forms do; Ceph leaves them as they are. */
function namesOf(key: string, source: string): readonly string[] {
  if (source.startsWith("ceph:")) return [key];
  const decoded = decode(key);
  if (source.startsWith("aws:") || source.startsWith("minio:")) return [decoded ?? key];
  return decoded === undefined || decoded === key ? [key] : [decoded, key];
}

function decode(key: string): string | undefined {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

function bridged(detail: unknown): Named {
  const { bucket, object } = fieldsOf(detail);
  const { name } = fieldsOf(bucket);
  const { key } = fieldsOf(object);
  if (typeof name !== "string" || typeof key !== "string") throw unreadable("detail.bucket.name and detail.object.key");
  return { bucket: name, keys: [key] };
}

function eventOf(eventName: string, named: Named): readonly S3Event[] {
  const name = eventName.replace(/^s3:/, "");
  if (named.keys.includes("")) return [];
  if (/^ObjectCreated/.test(name)) return [{ ...named, kind: "created" }];
  if (/^(ObjectRemoved|ObjectDeleted|LifecycleExpiration)/.test(name)) return [{ ...named, kind: "removed" }];
  return [];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function unreadable(expected: string): Problem {
  return new Problem("invalid-request", `Expected an S3 event with ${expected}`, {
    remedy: "docs/storage/s3.md shows how MinIO, Ceph and AWS are set up.",
  });
}
