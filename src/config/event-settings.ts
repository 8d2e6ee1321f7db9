import { z } from "zod";
import { address } from "./address.ts";
import { count, folder } from "./kinds.ts";

/** A password with `/`, `?` or `#` ends the address early, and its rest would pass for something that may be told. */
function isWholeAddress(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null && url.hostname !== "" && !/^[^/]*\/\/[^/?#]*[/?#].*@/.test(text) && !/%(?![\da-f]{2})/i.test(text)
  );
}

/** Where stores tell of new objects. */
export const eventSettings = z
  .strictObject({
    webhook: z
      .strictObject({
        token: z.exactOptional(
          z.string().min(16).meta({
            secret: true,
            shown: "none: nothing is listened to",
            expected: "at least 16 characters",
            description: "What senders must know; with it `POST /webhook` takes S3 events. A secret: never shown.",
          }),
        ),
        host: z.string().min(1).default("127.0.0.1").describe("Address that it listens on, apart from the page's."),
        port: count(0, 65_535).default(8081).describe("Its port."),
        allowPlain: z
          .boolean()
          .default(false)
          .describe("Whether others may come by plain HTTP: token and names of objects then cross the network."),
        certFile: z.exactOptional(folder("none: HTTP", "Certificate in PEM, with what it was signed by.")),
        keyFile: z.exactOptional(folder("none", "The certificate's key.")),
      })
      .prefault({}),
    amqp: z
      .strictObject({
        url: z.exactOptional(
          z
            .string()
            .regex(/^amqps?:\/\/[^\s]+$/)
            .refine(isWholeAddress)
            .meta({
              secret: true,
              shown: "none",
              expected: "amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS",
              description: "RabbitMQ that S3 events come through. A secret: never shown.",
            }),
        ),
        exchange: z.exactOptional(z.string().min(1)).meta({
          shown: "none: the queue is bound by others",
          description: "Topic exchange that stores publish to; it is made if it is not there.",
        }),
        routingKey: z.string().min(1).default("#").describe("Which of its messages."),
        queue: z.string().min(1).default("veil-events").describe("Queue that keeps them; made if it is not there."),
        caFile: z.exactOptional(
          folder("the system's", "Certificate authorities in PEM that the broker's must come from."),
        ),
      })
      .prefault({}),
    kafka: z
      .strictObject({
        brokers: z.exactOptional(
          z
            .string()
            .regex(/^[^\s,:]+:\d+(\s*,\s*[^\s,:]+:\d+)*$/)
            .meta({
              shown: "none",
              expected: "HOST:PORT, or several with commas between",
              description: "Kafka that S3 events come through.",
            }),
        ),
        topic: z.string().min(1).default("s3-events").describe("Its topic."),
        group: z.string().min(1).default("veil-events").describe("Consumer group that veil's processes share."),
        tls: z.boolean().default(false).describe("Whether it is spoken to by TLS; with `caFile` it is anyway."),
        caFile: z.exactOptional(
          folder("the system's", "Certificate authorities in PEM that the brokers' must come from."),
        ),
        mechanism: z
          .enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
          .default("SCRAM-SHA-512")
          .describe("How `username` logs in."),
        username: z.exactOptional(z.string().min(1).meta({ shown: "none", description: "Logs in." })),
        password: z.exactOptional(
          z.string().meta({ secret: true, shown: "none", description: "Its password. A secret: never shown." }),
        ),
      })
      .prefault({}),
    sqs: z
      .strictObject({
        queueUrl: z.exactOptional(address()).meta({
          shown: "none",
          expected: "an address such as https://sqs.eu-central-1.amazonaws.com/123456789012/veil",
          description: "SQS queue that S3 events come through; keys come from the platform's own chain.",
        }),
        region: z.string().min(1).default("us-east-1").describe("Its region."),
        endpoint: z.exactOptional(address()).meta({
          shown: "AWS",
          expected: "an address",
          description: "A server that speaks SQS, if it is not AWS.",
        }),
      })
      .prefault({}),
  })
  .prefault({});
