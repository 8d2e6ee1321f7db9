import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, describe, test } from "node:test";
import { inspect } from "node:util";
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { azureSettings } from "../../src/config/stores/azure.ts";
import type { Problem } from "../../src/errors.ts";
import { createAzureStore } from "../../src/stores/azure.ts";
import { eventually } from "../contracts/eventually.ts";
import { drain } from "../contracts/folder-store.ts";
import { failsWhileItsServerIsSilent, keepsNoConnectionOfReaders } from "../contracts/remote-store.ts";
import { bodyOf, keysOf, read, storeContract, withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startAzurite, withoutAzurite } from "../fixtures/azurite-server.ts";

const image = { contentType: "image/jpeg" };
const offline = withCode("store-unavailable");
const skip = withoutAzurite();
const server = skip ? undefined : await startAzurite();
after(() => server?.[Symbol.asyncDispose]());

async function openStore(changes: Record<string, unknown> = {}, more = {}) {
  const { endpoint, account, accountKey } = server!;
  const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, accountKey));
  const { containerClient } = await service.createContainer(randomUUID());
  const container = containerClient.containerName;
  const entry = "sas" in changes ? {} : { accountKey };
  const settings = azureSettings.parse({ kind: "azure", account, endpoint, ...entry, container, ...changes });
  const store = createAzureStore({ name: "archive", root: "", settings, ...more });
  return { store, container: containerClient, settings, [Symbol.asyncDispose]: () => store.close() };
}

const refuses = (key: string) => /[\n\t]/.test(key);
storeContract("azure", openStore, {
  skip,
  refuses,
  keepsMetadata: true,
  conditional: true,
  keepsNewer: true,
  tickMs: 20,
});

describe("the azure store and its container", { skip }, () => {
  test("says that it is refused, without the key or the signature", async () => {
    const wrong = Buffer.from("wr0ng").toString("base64");
    const sas = "sv=2024-11-04&sr=c&sp=rl&se=2099-01-01T00%3A00%3A00Z&sig=wr0ngsignature%3D";
    for (const changes of [{ accountKey: wrong }, { sas }]) {
      await using opened = await openStore(changes);
      const refused = (error: Problem) => {
        assert.equal(error.code, "store-denied");
        assert.match(error.message, /archive/);
        for (const secret of [wrong, "wr0ngsignature"])
          assert.ok(!inspect(error, { depth: 9 }).includes(secret) && !JSON.stringify(error).includes(secret));
        return true;
      };
      await assert.rejects(opened.store.get("x"), refused);
      await assert.rejects(opened.store.put("x", bodyOf("x"), image), refused);
      await assert.rejects(keysOf(opened.store), refused);
    }
  });

  test("takes a shared access signature or a connection string in place of a key", async () => {
    await using opened = await openStore();
    const { endpoint, account, accountKey } = server!;
    const container = opened.container.containerName;
    const sas = generateBlobSASQueryParameters(
      {
        containerName: container,
        permissions: ContainerSASPermissions.parse("rwdl"),
        expiresOn: new Date(Date.now() + 60_000),
        protocol: SASProtocol.HttpsAndHttp,
      },
      new StorageSharedKeyCredential(account, accountKey),
    ).toString();
    const parts = { DefaultEndpointsProtocol: "http", AccountName: account, AccountKey: accountKey };
    const fields = Object.entries({ ...parts, BlobEndpoint: endpoint }).map(([name, value]) => `${name}=${value}`);
    for (const way of [{ account, endpoint, sas: `?${sas}` }, { connectionString: fields.join(";") }]) {
      const settings = azureSettings.parse({ kind: "azure", container, ...way });
      const store = createAzureStore({ name: "archive", root: "", settings });
      await store.put("x", bodyOf("x"), image);
      assert.equal(String(await read(store, "x")), "x");
      assert.deepEqual(await keysOf(store), ["x"]);
      await store.remove("x");
      await store.close();
    }
  });

  test("says store-unavailable when its container is not there, and makes none", async () => {
    await using opened = await openStore({ container: "nowhere" });
    const { store } = opened;
    for (const action of [
      () => keysOf(store),
      () => store.head("x"),
      () => store.get("x"),
      () => store.put("x", bodyOf("x"), image),
      () => store.put("x", bodyOf("x"), { ...image, ifMatch: "0x1" }),
      () => store.remove("x"),
    ])
      await assert.rejects(action(), offline, String(action));
  });

  test("holds what is larger than a block, in blocks of its own where two put at once", async () => {
    await using opened = await openStore();
    const { store } = opened;
    const bodies = [randomBytes(9_000_000), randomBytes(8_388_608)];
    const results = await Promise.allSettled(bodies.map((bytes) => store.put("x", bodyOf(bytes), image)));
    assert.ok(results.some(({ status }) => status === "fulfilled"));
    const kept = await read(store, "x");
    assert.ok(bodies.some((bytes) => bytes.compare(kept) === 0));
    const [first, second] = bodies as [Buffer, Buffer];
    const { version } = await store.put("x", bodyOf(first), image);
    await store.put("x", bodyOf(second), { ...image, ifMatch: version });
    await assert.rejects(store.put("x", bodyOf(first), { ...image, ifMatch: version }), withCode("already-exists"));
    assert.equal((await read(store, "x")).compare(second), 0);
    const properties = await opened.container.getBlobClient("x").getProperties();
    assert.equal(properties.contentType, "image/jpeg");
    assert.equal(Buffer.from(properties.contentMD5!).toString("hex"), createHash("md5").update(second).digest("hex"));
  });

  test("lists page by page what lies below its prefix and root", async () => {
    await using opened = await openStore({ prefix: "hospital/" });
    const { settings } = opened;
    const store = createAzureStore({ name: "masked", root: "masked", settings, pageSize: 7 });
    const keys = Array.from({ length: 30 }, (_, index) => `${index % 3}/ä ${index}%&.jpg`);
    for (const key of [...keys, "a/Thumbs.db", "@eaDir/x.jpg"]) await store.put(key, bodyOf(key), image);
    for (const key of ["hospital/masked.jpg", "masked/y.jpg"])
      await opened.container.getBlockBlobClient(key).upload("y", 1);
    await opened.container
      .getBlockBlobClient("hospital/masked/0")
      .upload("", 0, { metadata: { hdi_isfolder: "true" } });
    assert.deepEqual(await keysOf(store), keys.toSorted());
    await store.close();
  });

  test("refuses names that addresses or Azure would change", async () => {
    await using opened = await openStore();
    for (const key of ["a./x.jpg", "x.", "a\u0001b", "a\nb", "..", "a/../b"])
      await assert.rejects(opened.store.put(key, bodyOf("x"), image), withCode("invalid-request"), key);
  });

  test("says what to do where its object is leased to somebody", async () => {
    await using opened = await openStore();
    const { store } = opened;
    await store.put("x", bodyOf("x"), image);
    const lease = opened.container.getBlobClient("x").getBlobLeaseClient();
    await lease.acquireLease(-1);
    await assert.rejects(store.put("x", bodyOf("y"), image), (error: Problem) => {
      assert.equal(error.code, "store-unavailable");
      assert.match(error.remedy ?? "", /lease/);
      return true;
    });
    await lease.releaseLease();
  });

  test("trusts the certificates that caFile names, and without them none that nobody vouches for", async () => {
    await using secure = await startAzurite({ isSecure: true });
    await using folder = await temporaryFolder();
    const caFile = join(folder.path, "ca.pem");
    await writeFile(caFile, secure.ca!);
    const { endpoint, account, accountKey } = secure;
    const settings = { kind: "azure", account, accountKey, endpoint, container: "photos" };
    const trusting = createAzureStore({ name: "a", root: "", settings: azureSettings.parse({ ...settings, caFile }) });
    await assert.rejects(trusting.head("x"), /no container photos/);
    const strange = createAzureStore({ name: "a", root: "", settings: azureSettings.parse(settings) });
    await assert.rejects(strange.head("x"), (error: Problem) => {
      assert.equal(error.code, "store-unavailable");
      assert.match(error.remedy ?? "", /caFile/);
      return true;
    });
    await Promise.all([trusting.close(), strange.close()]);
  });

  test("keeps no connection of reads that were broken off", async () => {
    await using opened = await openStore();
    await keepsNoConnectionOfReaders(opened.store);
  });
});

describe("the azure store and a server in trouble", { skip }, () => {
  test("fails a read and a write whose server dies, and goes on with the next one", async () => {
    await using own = await startAzurite();
    const { endpoint, account, accountKey } = own;
    const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, accountKey));
    await service.createContainer("photos");
    const settings = azureSettings.parse({ kind: "azure", account, accountKey, endpoint, container: "photos" });
    const store = createAzureStore({ name: "archive", root: "", settings });
    await store.put("x", bodyOf(randomBytes(20_000_000)), image);
    const { stream } = await store.get("x");
    const reading = stream[Symbol.asyncIterator]();
    await reading.next();
    const body = new Readable({ read() {} });
    body.push(Buffer.alloc(5_000_000));
    const putting = assert.rejects(store.put("y", body, image), offline);
    await eventually("a block is there", async () => {
      const blocks = await service
        .getContainerClient("photos")
        .getBlockBlobClient("y")
        .getBlockList("all")
        .catch(() => undefined);
      return blocks?.uncommittedBlocks?.length;
    });
    await own.kill();
    await assert.rejects(drain(reading), offline);
    body.push(null);
    await putting;
    await assert.rejects(store.head("x"), offline);
    await own.start();
    // Azurite writes down what it has but now and then.
    await service.getContainerClient("photos").createIfNotExists();
    await store.put("y", bodyOf("y"), image);
    assert.equal(String(await read(store, "y")), "y");
    await store.close();
  });

  test("does not wait for ever for a server that is silent", async () => {
    await using opened = await openStore({}, { timeouts: { connectMs: 2000, idleMs: 1000 } });
    const { store } = opened;
    await failsWhileItsServerIsSilent(store, { freeze: () => server!.freeze(), thaw: () => server!.thaw() });
    assert.ok(await eventually("it is back", () => store.head("x")));
  });
});
