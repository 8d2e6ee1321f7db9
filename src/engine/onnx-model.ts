import { PbfWriter } from "pbf";

/** Numbers of ONNX's TensorProto.DataType. */
export const onnxTypes = { float: 1, uint8: 2, int64: 7 } as const;

export type Attribute = string | number | readonly number[];

/** A node of the graph: `operator` is ONNX's name for it, inputs and outputs are value names ("" for none). */
export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Strings, integers and lists of integers. */
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export interface OnnxConstant {
  readonly name: string;
  readonly dimensions: readonly number[];
  /** Floats, or integers of 64 bits. */
  readonly values: Float32Array | BigInt64Array;
}

/** An input or output; a dimension that is a string may have any size. */
export interface OnnxValue {
  readonly name: string;
  readonly type: keyof typeof onnxTypes;
  readonly dimensions: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

const irVersion = 8;
const operatorSet = 17;

/** The bytes of an ONNX ModelProto. Equal graphs give equal bytes. Field numbers are those of onnx.proto. */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  const writer = new PbfWriter();
  writer.writeVarintField(1, irVersion);
  writer.writeStringField(2, "veil");
  writer.writeMessage(7, writeGraph, graph);
  writer.writeMessage(8, writeOperatorSet, operatorSet);
  return writer.finish();
}

function writeOperatorSet(version: number, writer: PbfWriter): void {
  writer.writeStringField(1, "");
  writer.writeVarintField(2, version);
}

function writeGraph(graph: OnnxGraph, writer: PbfWriter): void {
  for (const node of graph.nodes) writer.writeMessage(1, writeNode, node);
  writer.writeStringField(2, graph.name);
  for (const constant of graph.constants) writer.writeMessage(5, writeConstant, constant);
  for (const input of graph.inputs) writer.writeMessage(11, writeValue, input);
  for (const output of graph.outputs) writer.writeMessage(12, writeValue, output);
}

/** A NodeProto. */
export function writeNode(node: OnnxNode, writer: PbfWriter): void {
  for (const input of node.inputs) writer.writeStringField(1, input);
  for (const output of node.outputs) writer.writeStringField(2, output);
  writer.writeStringField(4, node.operator);
  for (const attribute of Object.entries(node.attributes ?? {})) writer.writeMessage(5, writeAttribute, attribute);
}

const attributeTypes = { integer: 2, string: 3, integers: 7 } as const;

function writeAttribute([name, value]: [string, Attribute], writer: PbfWriter): void {
  writer.writeStringField(1, name);
  if (typeof value === "number") {
    writer.writeVarintField(3, value);
    writer.writeVarintField(20, attributeTypes.integer);
  } else if (typeof value === "string") {
    writer.writeStringField(4, value);
    writer.writeVarintField(20, attributeTypes.string);
  } else {
    for (const item of value) writer.writeVarintField(8, item);
    writer.writeVarintField(20, attributeTypes.integers);
  }
}

/** A TensorProto. */
export function writeConstant({ name, dimensions, values }: OnnxConstant, writer: PbfWriter): void {
  for (const size of dimensions) writer.writeVarintField(1, size);
  writer.writeVarintField(2, values instanceof Float32Array ? onnxTypes.float : onnxTypes.int64);
  writer.writeStringField(8, name);
  writer.writeBytesField(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** A ValueInfoProto. */
export function writeValue({ name, type, dimensions }: OnnxValue, writer: PbfWriter): void {
  writer.writeStringField(1, name);
  writer.writeMessage(2, writeType, { type, dimensions });
}

function writeType(value: Pick<OnnxValue, "type" | "dimensions">, writer: PbfWriter): void {
  writer.writeMessage(1, writeTensorType, value);
}

function writeTensorType({ type, dimensions }: Pick<OnnxValue, "type" | "dimensions">, writer: PbfWriter): void {
  writer.writeVarintField(1, onnxTypes[type]);
  writer.writeMessage(2, writeShape, dimensions);
}

function writeShape(dimensions: OnnxValue["dimensions"], writer: PbfWriter): void {
  for (const size of dimensions) writer.writeMessage(1, writeDimension, size);
}

function writeDimension(size: number | string, writer: PbfWriter): void {
  if (typeof size === "number") writer.writeVarintField(1, size);
  else writer.writeStringField(2, size);
}
