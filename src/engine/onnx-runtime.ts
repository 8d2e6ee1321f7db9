/*
 * The one way to onnxruntime. From version 1.29 on its published builds tell their maker of each process, session and
 * model, and keep a number for the machine in the user's cache folder, unless this is said before they are loaded.
 */
process.env.ORT_DISABLE_TELEMETRY = "1";
const { InferenceSession, Tensor } = await import("onnxruntime-node");

export { InferenceSession, Tensor };
