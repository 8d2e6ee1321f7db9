import { ByteBuffer } from "flatbuffers";
import { Problem } from "../errors.ts";

export type ElementType = "float32" | "float16" | "int32";

export interface TfliteTensor {
  /** Feature maps are `[1, height, width, channels]`. */
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** Little-endian content of a constant; absent for what is computed. */
  readonly content: Uint8Array | undefined;
}

interface Window {
  readonly padding: "same" | "valid";
  readonly stride: readonly [height: number, width: number];
}

export type Operation =
  | { readonly kind: "add" | "dequantize" | "pad" | "relu" | "reshape" }
  | ({ readonly kind: "convolution" | "depthwise-convolution" } & Window)
  | ({ readonly kind: "max-pool"; readonly size: readonly [height: number, width: number] } & Window)
  | { readonly kind: "resize"; readonly halfPixelCenters: boolean };

/** Inputs and outputs are indices into the graph's tensors. */
export type TfliteOperator = Operation & { readonly inputs: readonly number[]; readonly output: number };

export interface TfliteGraph {
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * The first graph of a tflite file, with the operators that MediaPipe's dense face detectors use. Anything else is
 * refused as `model-mismatch`: an operator read half right would detect half as well, and nobody would notice.
 */
export function readTflite(bytes: Uint8Array): TfliteGraph {
  const buffer = new ByteBuffer(bytes);
  const model = tableAt(buffer, 0);
  const operatorCodes = model.tables(1).map((code) => Math.max(code.int8(0), code.int32(3)));
  const contents = model.tables(4).map((entry) => entry.bytes(0));
  const [graph] = model.tables(2);
  if (graph === undefined) throw new Problem("model-mismatch", "Expected a graph in the tflite file but found none");
  return {
    tensors: graph.tables(0).map((tensor) => ({
      shape: tensor.int32s(0),
      type: elementType(tensor.int8(1)),
      content: contents[tensor.uint32(2)],
    })),
    operators: graph.tables(3).map((operator) => {
      const [output] = operator.int32s(2);
      if (output === undefined) throw new Problem("model-mismatch", "Expected an operator with an output");
      const operation = readOperation(operatorCodes[operator.uint32(0)] ?? -1, operator.table(4));
      return { ...operation, inputs: operator.int32s(1), output };
    }),
    inputs: graph.int32s(1),
    outputs: graph.int32s(2),
  };
}

/** Codes and field numbers are those of TensorFlow's schema.fbs. */
function readOperation(code: number, options: Table): Operation {
  switch (code) {
    case 0:
      return noActivation(options.int8(0), { kind: "add" });
    case 3:
      return noDilation(options, 4, noActivation(options.int8(3), { kind: "convolution", ...readWindow(options) }));
    case 4:
      if (options.int32(3) !== 1) throw unexpected("depth multiplier", 1, options.int32(3));
      return noDilation(
        options,
        5,
        noActivation(options.int8(4), { kind: "depthwise-convolution", ...readWindow(options) }),
      );
    case 6:
      return { kind: "dequantize" };
    case 17: {
      const size = [options.int32(4), options.int32(3)] as const;
      return noActivation(options.int8(5), { kind: "max-pool", ...readWindow(options), size });
    }
    case 19:
      return { kind: "relu" };
    case 22:
      return { kind: "reshape" };
    case 23:
      if (options.int8(2) !== 0) throw unexpected("align_corners", 0, options.int8(2));
      return { kind: "resize", halfPixelCenters: options.int8(3) !== 0 };
    case 34:
      return { kind: "pad" };
    default:
      throw new Problem("model-mismatch", `Expected a known operator in the tflite file but found code ${code}`);
  }
}

function readWindow(options: Table): Window {
  return { padding: options.int8(0) === 0 ? "same" : "valid", stride: [options.int32(2), options.int32(1)] };
}

function noActivation(activation: number, operation: Operation): Operation {
  if (activation !== 0) throw unexpected("fused activation", 0, activation);
  return operation;
}

function noDilation(options: Table, firstField: number, operation: Operation): Operation {
  for (const field of [firstField, firstField + 1]) {
    if (options.int32(field, 1) !== 1) throw unexpected("dilation", 1, options.int32(field, 1));
  }
  return operation;
}

function elementType(code: number): ElementType {
  if (code === 0) return "float32";
  if (code === 1) return "float16";
  if (code === 2) return "int32";
  throw unexpected("element type", "0, 1 or 2", code);
}

function unexpected(what: string, expected: number | string, received: number): Problem {
  return new Problem("model-mismatch", `Expected ${what} ${expected} in the tflite file but received ${received}`);
}

interface Table {
  int8(field: number): number;
  int32(field: number, fallback?: number): number;
  uint32(field: number): number;
  int32s(field: number): number[];
  /** A copy, so that it is aligned for typed arrays. */
  bytes(field: number): Uint8Array | undefined;
  table(field: number): Table;
  tables(field: number): Table[];
}

/** A flatbuffer table behind the offset at `pointer`; pointer -1 is a table with every field at its default. */
function tableAt(buffer: ByteBuffer, pointer: number): Table {
  const start = pointer < 0 ? -1 : buffer.__indirect(pointer);
  const field = (index: number) => {
    if (start < 0) return -1;
    const offset = buffer.__offset(start, 4 + 2 * index);
    return offset === 0 ? -1 : start + offset;
  };
  const scalar = (read: (at: number) => number, index: number, fallback: number) =>
    field(index) < 0 ? fallback : read(field(index));
  const elements = <T>(index: number, size: number, read: (at: number) => T): T[] => {
    if (field(index) < 0) return [];
    const first = buffer.__vector(field(index));
    return Array.from({ length: buffer.__vector_len(field(index)) }, (_, item) => read(first + item * size));
  };
  return {
    int8: (index) => scalar((at) => buffer.readInt8(at), index, 0),
    int32: (index, fallback = 0) => scalar((at) => buffer.readInt32(at), index, fallback),
    uint32: (index) => scalar((at) => buffer.readUint32(at), index, 0),
    int32s: (index) => elements(index, 4, (at) => buffer.readInt32(at)),
    bytes: (index) => {
      if (field(index) < 0) return undefined;
      const first = buffer.__vector(field(index));
      return buffer.bytes().slice(first, first + buffer.__vector_len(field(index)));
    },
    table: (index) => tableAt(buffer, field(index)),
    tables: (index) => elements(index, 4, (at) => tableAt(buffer, at)),
  };
}
