import { Problem } from "../errors.ts";
import type { OnnxConstant, OnnxNode } from "./onnx-model.ts";
import { encodeOnnx, onnxTypes } from "./onnx-model.ts";
import type { TfliteGraph, TfliteOperator, TfliteTensor } from "./tflite.ts";

type Convolution = Extract<TfliteOperator, { kind: "convolution" | "depthwise-convolution" }>;

/**
 * A MediaPipe face detector as ONNX, fully convolutional: input `image` uint8 [1, height, width, 3] (RGB, both sides
 * multiples of 32), outputs `scores` float [1, 1, height/4, width/4] (logits) and `boxes` float
 * [1, 16, height/4, width/4]. The graph is walked from its outputs, so that only what they need is written.
 */
export function translateToOnnx(graph: TfliteGraph): Uint8Array {
  const nodes: OnnxNode[] = [];
  const constants: OnnxConstant[] = [];
  const producers = new Map(graph.operators.map((operator) => [operator.output, operator]));
  const names = new Map<number, string>();

  const node = (operator: string, inputs: readonly string[], output: string, attributes?: OnnxNode["attributes"]) => {
    nodes.push({ operator, inputs, outputs: [output], ...(attributes && { attributes }) });
    return output;
  };
  const constant = (values: Float32Array, dimensions: readonly number[]) => {
    const name = `constant${constants.length}`;
    constants.push({ name, dimensions, values });
    return name;
  };
  const tensor = (index: number | undefined): TfliteTensor => {
    const found = index === undefined ? undefined : graph.tensors[index];
    if (found === undefined) throw new Problem("model-mismatch", `Expected a tensor ${index} in the tflite graph`);
    return found;
  };
  /** Weights, through the DEQUANTIZE that widens half precision. */
  const weights = (index: number | undefined): Float32Array => {
    const producer = index === undefined ? undefined : producers.get(index);
    return floats(tensor(producer?.kind === "dequantize" ? producer.inputs[0] : index));
  };

  function value(index: number | undefined): string {
    if (index === undefined) throw new Problem("model-mismatch", "Expected an operator with one more input");
    const known = names.get(index);
    if (known !== undefined) return known;
    const producer = producers.get(index);
    if (producer === undefined) throw new Problem("model-mismatch", `Expected tensor ${index} to be computed`);
    const name = translate(producer, `t${index}`);
    names.set(index, name);
    return name;
  }

  function translate(operator: TfliteOperator, output: string): string {
    const [first, second] = operator.inputs;
    switch (operator.kind) {
      case "convolution":
      case "depthwise-convolution":
        return convolve(operator, output);
      case "relu":
        return node("Relu", [value(first)], output);
      case "add":
        return addPadded(operator, output) ?? node("Add", [value(first), value(second)], output);
      case "max-pool":
        return node("MaxPool", [value(first)], output, {
          kernel_shape: operator.size,
          strides: operator.stride,
          pads: pads(tensor(first), operator, operator.size),
        });
      case "resize": {
        const [from, to] = [tensor(first).shape, tensor(operator.output).shape];
        const scales = Float32Array.of(1, 1, to[1]! / from[1]!, to[2]! / from[2]!);
        const mode = operator.halfPixelCenters ? "half_pixel" : "asymmetric";
        return node("Resize", [value(first), "", constant(scales, [4])], output, {
          mode: "linear",
          coordinate_transformation_mode: mode,
        });
      }
      case "reshape":
        // Flattens [1, h, w, c] into a list of cells; here the outputs stay maps, because their size varies.
        return value(first);
      case "pad":
      case "dequantize":
        throw new Problem("model-mismatch", `Expected no free-standing ${operator.kind} in the tflite graph`);
    }
  }

  /** One convolution, or only the channels of its output from `start` to `end`. */
  function convolve(operator: Convolution, output: string, start = 0, end?: number): string {
    const [input, kernel, bias] = operator.inputs;
    const depthwise = operator.kind === "depthwise-convolution";
    const [, kernelHeight, kernelWidth] = tensor(kernel).shape as [number, number, number, number];
    const { values, dimensions } = depthwise
      ? channelsFirst(weights(kernel), [tensor(kernel).shape[3]!, kernelHeight, kernelWidth, 1], true)
      : channelsFirst(weights(kernel), tensor(kernel).shape, false);
    const [outputs, perOutput] = [dimensions[0]!, values.length / dimensions[0]!];
    const last = end ?? outputs;
    return node(
      "Conv",
      [
        value(input),
        constant(values.slice(start * perOutput, last * perOutput), [last - start, ...dimensions.slice(1)]),
        constant(weights(bias).slice(start, last), [last - start]),
      ],
      output,
      {
        kernel_shape: [kernelHeight, kernelWidth],
        strides: operator.stride,
        pads: pads(tensor(input), operator, [kernelHeight, kernelWidth]),
        group: depthwise ? outputs : 1,
      },
    );
  }

  /**
   * `a + pad(b)`, where b lacks channels that a convolution has: adds b to those it has and joins the rest on.
   * Writing zeros for the others first, as tflite does, costs a tenth of the whole network's time.
   */
  function addPadded(add: TfliteOperator, output: string): string | undefined {
    const operators = add.inputs.map((input) => producers.get(input));
    const pad = operators.find((operator) => operator?.kind === "pad");
    if (pad === undefined) return undefined;
    const convolution = operators.find((operator): operator is Convolution => operator?.kind === "convolution");
    const channels = tensor(pad.inputs[0]).shape[3]!;
    const amounts = integers(tensor(pad.inputs[1]));
    if (convolution === undefined || amounts.length !== 8 || amounts.slice(0, 7).some((amount) => amount !== 0)) {
      throw new Problem("model-mismatch", "Expected padding only behind the channels that are added to a convolution");
    }
    const shared = convolve(convolution, `${output}shared`, 0, channels);
    const rest = convolve(convolution, `${output}rest`, channels);
    const sum = node("Add", [shared, value(pad.inputs[0])], `${output}sum`);
    return node("Concat", [sum, rest], output, { axis: 1 });
  }

  const [input] = graph.inputs;
  if (input === undefined) throw new Problem("model-mismatch", "Expected the tflite graph to have an input");
  // MediaPipe's [0, 255] -> [-1, 1] happens in the graph: bytes go in, a quarter of what floats would be.
  node("Transpose", ["image"], "planes", { perm: [0, 3, 1, 2] });
  node("Cast", ["planes"], "floats", { to: onnxTypes.float });
  node("Mul", ["floats", constant(Float32Array.of(1 / 127.5), [1])], "scaled");
  names.set(input, node("Sub", ["scaled", constant(Float32Array.of(1), [1])], "normalised"));

  const outputs = graph.outputs.map((index) => {
    const channels = tensor(index).shape[2]!;
    const name = channels === 1 ? "scores" : "boxes";
    node("Identity", [value(index)], name);
    return { name, type: "float", dimensions: [1, channels, "rows", "columns"] } as const;
  });
  return encodeOnnx({
    name: "face detector",
    nodes,
    constants,
    inputs: [{ name: "image", type: "uint8", dimensions: [1, "height", "width", 3] }],
    outputs,
  });
}

/** Kernels as ONNX wants them: [outputs, inputs, height, width] from tflite's order with the channels last. */
function channelsFirst(
  source: Float32Array,
  shape: readonly number[],
  depthwise: boolean,
): { values: Float32Array; dimensions: readonly number[] } {
  const [outputs, height, width, inputs] = shape as [number, number, number, number];
  const values = new Float32Array(source.length);
  let at = 0;
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      for (let cell = 0; cell < height * width; cell++) {
        values[at++] = depthwise
          ? source[cell * outputs + output]!
          : source[(output * height * width + cell) * inputs + input]!;
      }
    }
  }
  return { values, dimensions: [outputs, inputs, height, width] };
}

/** [top, left, bottom, right]. Tflite's "same" puts the odd row below and the odd column to the right. */
function pads(
  input: TfliteTensor,
  { padding, stride }: { readonly padding: "same" | "valid"; readonly stride: readonly [number, number] },
  size: readonly [number, number],
): readonly number[] {
  if (padding === "valid") return [0, 0, 0, 0];
  const along = (length: number, step: number, kernel: number) => {
    const total = Math.max(0, (Math.ceil(length / step) - 1) * step + kernel - length);
    return [Math.floor(total / 2), Math.ceil(total / 2)] as const;
  };
  const [top, bottom] = along(input.shape[1]!, stride[0], size[0]);
  const [left, right] = along(input.shape[2]!, stride[1], size[1]);
  return [top, left, bottom, right];
}

function floats({ type, content }: TfliteTensor): Float32Array {
  if (content === undefined || type === "int32") throw new Problem("model-mismatch", "Expected constant weights");
  const { buffer, byteOffset, byteLength } = content;
  if (type === "float32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  return Float32Array.from(new Float16Array(buffer, byteOffset, byteLength / 2));
}

function integers({ type, content }: TfliteTensor): readonly number[] {
  if (content === undefined || type !== "int32") throw new Problem("model-mismatch", "Expected constant integers");
  return [...new Int32Array(content.buffer, content.byteOffset, content.byteLength / 4)];
}
