export interface TracingOptions {
  /** Takes OTLP over HTTP, for example `http://collector:4318/v1/traces`. */
  readonly url: string;
  readonly version: string;
  /** Share of traces that are kept, 0 to 1. */
  readonly share: number;
  /** Told that spans could not be sent, at most once a minute. */
  readonly onUnsent: () => void;
}

/** Something that took time. Nothing of it may name a photograph, a person or a place. */
export interface Span {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Why it failed, a code. */
  readonly failure?: string | undefined;
  /** The caller's `traceparent`. */
  readonly parent?: string | undefined;
  /** 32 hexadecimal digits; absent: the parent's, or a new one. */
  readonly traceId?: string;
  /** What it was made of. */
  readonly parts?: readonly Pick<Span, "name" | "from" | "to">[];
}

export interface Tracing extends AsyncDisposable {
  /** Sends it with others a little later; never waits, and drops it where nobody takes it. */
  record(span: Span): void;
}

const sendMs = 5000;
const tellMs = 60_000;

/** Sends spans to a collector of OpenTelemetry's. The libraries are loaded here alone. */
export async function openTracing({ url, version, share, onUnsent }: TracingOptions): Promise<Tracing> {
  const api = await import("@opentelemetry/api");
  const { setGlobalErrorHandler, W3CTraceContextPropagator } = await import("@opentelemetry/core");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");
  const sdk = await import("@opentelemetry/sdk-trace-base");
  let toldAt = Number.NEGATIVE_INFINITY;
  setGlobalErrorHandler(() => {
    if (performance.now() - toldAt < tellMs) return;
    toldAt = performance.now();
    onUnsent();
  });
  // A job's trace has its id, whoever asks for it and however often it was tried.
  let wanted: string | undefined;
  const random = new sdk.RandomIdGenerator();
  const ids = {
    generateTraceId: () => wanted ?? random.generateTraceId(),
    generateSpanId: () => random.generateSpanId(),
  };
  // Whoever asks chooses neither how much is told nor, without a login, where.
  const ownShare = new sdk.TraceIdRatioBasedSampler(share);
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "veil", "service.version": version }),
    idGenerator: ids,
    sampler: new sdk.ParentBasedSampler({ root: ownShare, remoteParentSampled: ownShare }),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: sendMs }))],
  });
  const tracer = provider.getTracer("veil", version);
  const propagator = new W3CTraceContextPropagator();

  return {
    record({ name, from, to, attributes, failure, parent, traceId, parts = [] }) {
      wanted = traceId;
      const carrier = parent === undefined ? {} : { traceparent: parent };
      const outer = propagator.extract(api.ROOT_CONTEXT, carrier, api.defaultTextMapGetter);
      const span = tracer.startSpan(name, { startTime: from, attributes, kind: api.SpanKind.SERVER }, outer);
      wanted = undefined;
      if (failure !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: failure });
      const inner = api.trace.setSpan(outer, span);
      for (const part of parts) tracer.startSpan(part.name, { startTime: part.from }, inner).end(part.to);
      span.end(to);
    },
    async [Symbol.asyncDispose]() {
      // Whoever does not answer holds up no stop.
      await provider.shutdown().catch(() => {});
    },
  };
}
