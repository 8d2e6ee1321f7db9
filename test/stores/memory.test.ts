import { createMemoryStore } from "../../src/stores/memory.ts";
import { storeContract } from "../contracts/store.ts";

storeContract(
  "memory",
  async () => {
    const store = createMemoryStore({ name: "memory" });
    return { store, [Symbol.asyncDispose]: () => store.close() };
  },
  { keepsMetadata: true },
);
