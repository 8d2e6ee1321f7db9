/**
 * node litert-reference.ts MODEL INPUTS OUTPUTS: runs LiteRT over float inputs that lie one behind the other, writes
 * each input's outputs likewise (boxes, then scores). A program of its own, because LiteRT's WebAssembly is made for
 * browsers and needs a few of their globals.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { runInThisContext } from "node:vm";

const [modelPath, inputsPath, outputsPath] = process.argv.slice(2) as [string, string, string];
const require = createRequire(import.meta.url);
const wasm = join(dirname(dirname(require.resolve("@litertjs/core"))), "wasm/");

Object.assign(globalThis, {
  require,
  __filename: join(wasm, "loader.js"),
  __dirname: wasm,
  self: globalThis,
  location: { href: "file:///" },
  WorkerGlobalScope: class {},
  importScripts: (path: string) => runInThisContext(readFileSync(path, "utf8"), { filename: path }),
});

const { loadLiteRt, loadAndCompile, Tensor } = await import("@litertjs/core");
await loadLiteRt(wasm);
const model = await loadAndCompile(readFileSync(modelPath), { accelerator: "wasm" });

const shape = [1, 192, 192, 3];
const values = new Float32Array(new Uint8Array(readFileSync(inputsPath)).buffer);
const size = shape.reduce((product, side) => product * side, 1);
const outputs: Uint8Array[] = [];
for (let start = 0; start < values.length; start += size) {
  const results = await model.run([Tensor.fromTypedArray(values.slice(start, start + size), shape)]);
  for (const result of results) {
    const data = (await result.data()) as Float32Array;
    outputs.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
  }
}
writeFileSync(outputsPath, Buffer.concat(outputs));
