import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseJson, parseS3Events } from "../../src/core/s3-event.ts";

const record = (eventSource: string, eventName: string, key: string, bucket = "raw-images") => ({
  eventVersion: "2.1",
  ...{ eventSource, awsRegion: "", eventTime: "2026-01-01T00:00:00.000Z", eventName },
  s3: { s3SchemaVersion: "1.0", bucket: { name: bucket }, object: { key, size: 1, eTag: "x", sequencer: "17" } },
});
const created = (...keys: string[]) => ({ bucket: "raw-images", keys, kind: "created" });
const invalid = { name: "Problem", code: "invalid-request" };

describe("events of S3", () => {
  test("of MinIO have their name twice, once decoded and once encoded as a form", () => {
    const message = {
      EventName: "s3:ObjectCreated:Put",
      Key: "raw-images/ward 1/früh+spät.jpg",
      Records: [record("minio:s3", "s3:ObjectCreated:Put", "ward+1%2Ffr%C3%BCh%2Bsp%C3%A4t.jpg")],
    };
    assert.deepEqual(parseS3Events(message), [created("ward 1/früh+spät.jpg")]);
    const { Records: _, ...short } = message;
    assert.deepEqual(parseS3Events(short), [created("ward 1/früh+spät.jpg")]);
  });

  test("of AWS come several at once, with encoded names", () => {
    const Records = [
      record("aws:s3", "ObjectCreated:Put", "a+b%2Bc%25.jpg"),
      record("aws:s3", "ObjectCreated:CompleteMultipartUpload", "%E7%85%A7%E7%89%87.jpg"),
      record("aws:s3", "ObjectRemoved:Delete", "gone.jpg"),
      record("aws:s3", "ObjectTagging:Put", "tagged.jpg"),
      record("aws:s3", "ReducedRedundancyLostObject", "lost.jpg"),
    ];
    assert.deepEqual(parseS3Events({ Records }), [
      created("a b+c%.jpg"),
      created("照片.jpg"),
      { bucket: "raw-images", keys: ["gone.jpg"], kind: "removed" },
    ]);
  });

  test("of Ceph have names as they are", () => {
    const Records = [record("ceph:s3", "ObjectCreated:Put", "a+b%2Bc 100%.jpg")];
    assert.deepEqual(parseS3Events({ Records }), [created("a+b%2Bc 100%.jpg")]);
  });

  test("of a sender that nobody knows stand for both names that they may mean", () => {
    const of = (key: string) => parseS3Events({ Records: [record("other:s3", "ObjectCreated:Put", key)] });
    assert.deepEqual(of("a+b%20c.jpg"), [created("a b c.jpg", "a+b%20c.jpg")]);
    assert.deepEqual(of("plain.jpg"), [created("plain.jpg")]);
    assert.deepEqual(of("100%.jpg"), [created("100%.jpg")]);
  });

  test("come through EventBridge, in SNS envelopes, and as AWS's trial", () => {
    const bridge = {
      ...{ source: "aws.s3", "detail-type": "Object Created" },
      detail: { bucket: { name: "raw-images" }, object: { key: "a+b.jpg" } },
    };
    assert.deepEqual(parseS3Events(bridge), [created("a+b.jpg")]);
    const Message = JSON.stringify({ Records: [record("aws:s3", "ObjectCreated:Put", "x.jpg")] });
    assert.deepEqual(parseS3Events({ Type: "Notification", Message }), [created("x.jpg")]);
    assert.deepEqual(parseS3Events({ Service: "Amazon S3", Event: "s3:TestEvent" }), []);
    assert.deepEqual(parseS3Events({ Records: [] }), []);
  });

  test("that are none are refused, and nothing of them is repeated", () => {
    const deep = { Type: "Notification", Message: "no JSON: secret" };
    for (const message of [
      undefined,
      null,
      7,
      "text",
      [],
      {},
      { Records: {} },
      { Records: [{}] },
      { Records: [7] },
      deep,
    ]) {
      assert.throws(() => parseS3Events(message), invalid, JSON.stringify(message));
    }
    for (const Key of ["nothing", "/x.jpg"]) assert.throws(() => parseS3Events({ EventName: "x", Key }), invalid);
    assert.throws(() => parseS3Events({ Records: Array.from({ length: 10_001 }, () => ({})) }), invalid);
    assert.throws(
      () => parseJson("{secret"),
      (error: Error) => !error.message.includes("secret"),
    );
    assert.deepEqual(parseS3Events({ EventName: "s3:ObjectCreated:Put", Key: "raw-images/" }), []);
  });
});
