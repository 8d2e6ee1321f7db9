import type { InferenceSession } from "onnxruntime-node";
import { InferenceSession as Session } from "./onnx-runtime.ts";

/**
 * Measured choices: one thread a process beats two in one process, lower optimisation levels are half as fast, and
 * memory patterns double the memory of inputs that vary in size without being any faster.
 */
const options: InferenceSession.SessionOptions = {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  enableCpuMemArena: true,
  enableMemPattern: false,
  logSeverityLevel: 3,
};

/** A network ready to run on the CPU; `release` it to free its memory. */
export function openNetwork(onnx: Uint8Array): Promise<InferenceSession> {
  return Session.create(onnx, options);
}

/** What a network answered, as floats. */
export function floatsOf(tensor: { readonly data: unknown } | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new TypeError("Expected the network to answer with floats");
}
