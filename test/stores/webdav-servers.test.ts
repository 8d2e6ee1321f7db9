import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { Problem, toProblem } from "../../src/errors.ts";
import { createWebdavStore } from "../../src/stores/webdav.ts";
import { bodyOf, keysOf, read, withCode } from "../contracts/store.ts";
import { startRcloneWebdav, withoutRclone } from "../fixtures/rclone-webdav.ts";
import { type StandIn, startStandIn } from "./http-stand-in.ts";

const image = { contentType: "image/jpeg" };
const offline = withCode("store-unavailable");

function storeAt(url: string, problems: Problem[] = []) {
  const settings = { url, username: "dav", password: "secret" };
  const timeouts = { connectMs: 1000, idleMs: 500 };
  return createWebdavStore({ name: "archive", root: "", settings, timeouts, onProblem: (one) => problems.push(one) });
}

describe("the webdav store and a server that writes into old objects", { skip: withoutRclone() }, () => {
  test("moves new ones to their place, so that nobody sees half of one", async () => {
    await using server = await startRcloneWebdav();
    const store = storeAt(server.url);
    const contents = ["a".repeat(400_000), "b".repeat(700_000)];
    await store.put("ward/x", bodyOf(contents[0]!), image);
    let writing = true;
    const writer = (async () => {
      for (let round = 1; round <= 20; round += 1) await store.put("ward/x", bodyOf(contents[round % 2]!), image);
      writing = false;
    })();
    while (writing) {
      const got = await read(store, "ward/x").catch((error: unknown) => toProblem(error));
      // Such servers remove the old one before they move, and break off whoever reads it.
      if (got instanceof Problem) assert.match(got.code, /^(not-found|store-unavailable|changed-while-reading)$/);
      else assert.ok(contents.includes(String(got)), `a mixture of ${got.length} bytes`);
    }
    await writer;
    assert.deepEqual(await keysOf(store), ["ward/x"]);
    const now = await store.head("ward/x");
    await store.put("ward/x", bodyOf("c"), { ...image, ifMatch: now!.version });
    const failing = store.put("ward/x", bodyOf("d"), { ...image, ifMatch: now!.version });
    await assert.rejects(failing, withCode("already-exists"));
    await store.close();
  });
});

describe("the webdav store and a server that means harm, or speaks badly", () => {
  const multistatus = (...responses: readonly string[]) => {
    return `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">${responses.join("")}</d:multistatus>`;
  };
  const folderAt = (href: string) =>
    `<d:response><d:href>${href}</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype></d:prop>` +
    "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>";
  const objectAt = (href: string) =>
    `<d:response><d:href>${href}</d:href><d:propstat><d:prop><d:getcontentlength>1</d:getcontentlength>` +
    "<d:getetag>&quot;1&quot;</d:getetag></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>";

  /** Its root is a folder; what lies in it is as `depth1` says. */
  async function listingServer(depth1: (response: ServerResponse) => void): Promise<StandIn> {
    return await startStandIn((request, response) => {
      request.resume();
      response.statusCode = 207;
      if (request.headers.depth === "1") depth1(response);
      else response.end(multistatus(folderAt("/")));
    });
  }

  test("reads no document types, endless texts, deep nests or halves, and ends what never ends", async () => {
    const laughs = `<!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>${multistatus(folderAt("/&b;"))}`;
    const endless = (response: ServerResponse, piece: string) => {
      const more = () => {
        while (response.write(piece) && !response.destroyed);
        response.once("drain", more);
      };
      more();
    };
    const harms: readonly ((response: ServerResponse) => void)[] = [
      (response) => response.end(laughs),
      (response) => response.end(multistatus(folderAt("/&unknown;"))),
      (response) => response.end("<html><body>It works!</body></html>"),
      (response) => response.end(""),
      (response) => response.end(multistatus(folderAt("/"), objectAt("/a.jpg")).slice(0, -20)),
      (response) => response.end(multistatus("<d:x>".repeat(1000))),
      (response) => {
        response.write('<d:multistatus xmlns:d="DAV:"><d:response><d:href>');
        endless(response, "a".repeat(10_000));
      },
      (response) => {
        response.write(`<d:multistatus xmlns:d="DAV:"><d:response a="`);
        endless(response, "a".repeat(10_000));
      },
    ];
    for (const harm of harms) {
      await using server = await listingServer(harm);
      const store = storeAt(server.url);
      await assert.rejects(keysOf(store), offline, String(harm));
      await store.close();
    }
  });

  test("takes no names that lie elsewhere, and no answer that leaves out the folder for an empty one", async () => {
    const names = ["/../x.jpg", "/a%2fb.jpg", "/%2e%2e", "/a/b.jpg", "http://elsewhere.example/y.jpg", "/%ff.jpg"];
    await using server = await listingServer((response) => {
      response.end(multistatus(folderAt(server.url), ...names.map(objectAt), objectAt("/good.jpg")));
    });
    const problems: Problem[] = [];
    const store = storeAt(server.url, problems);
    assert.deepEqual(await keysOf(store), ["good.jpg", "y.jpg"]);
    assert.equal(problems.length, 5);
    await store.close();
    await using rewritten = await listingServer((response) => {
      response.end(multistatus(folderAt("/inner/"), objectAt("/inner/x.jpg")));
    });
    const other = storeAt(rewritten.url);
    await assert.rejects(keysOf(other), offline);
    await other.close();
  });

  test("tells of a resource that has an error of its own, and goes on", async () => {
    const broken = "<d:response><d:href>/b.jpg</d:href><d:status>HTTP/1.1 403 Forbidden</d:status></d:response>";
    const propless =
      "<d:response><d:href>/c.jpg</d:href><d:propstat><d:prop><d:getcontentlength/></d:prop>" +
      "<d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>";
    await using server = await listingServer((response) => {
      response.end(multistatus(folderAt("/"), broken, propless, objectAt("/d.jpg")));
    });
    const problems: Problem[] = [];
    const store = storeAt(server.url, problems);
    assert.deepEqual(await keysOf(store), ["d.jpg"]);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["store-denied", "store-unavailable"],
    );
    await store.close();
  });

  test("lets the server compare as it removes, and looks again where that refuses", async () => {
    let tag = "1";
    let comes: string | undefined;
    const refused: (string | undefined)[] = [];
    await using server = await startStandIn((request, response) => {
      request.resume();
      const tagged = objectAt("/x.jpg").replace("&quot;1&quot;", `&quot;${tag}&quot;`);
      if (request.method === "PROPFIND") return void response.writeHead(207).end(multistatus(tagged));
      const condition = request.headers["if-match"];
      // As if somebody was faster, or the server knew no tags.
      tag = comes ?? tag;
      if (condition !== undefined) refused.push(condition);
      response.writeHead(condition === undefined ? 204 : 412).end();
      return undefined;
    });
    const store = storeAt(server.url);
    const { version } = (await store.head("x.jpg"))!;
    const removals = () => server.requests.filter(({ method }) => method === "DELETE").length;
    await store.remove("x.jpg", { ifMatch: version });
    assert.deepEqual([refused, removals()], [['"1"'], 2]);
    comes = "2";
    await assert.rejects(store.remove("x.jpg", { ifMatch: version }), withCode("changed-while-reading"));
    assert.deepEqual([refused, removals()], [['"1"', '"1"'], 3]);
    await store.close();
  });

  test("asks again for a page that did not come", async () => {
    let asked = 0;
    await using server = await listingServer((response) => {
      asked += 1;
      if (asked === 1) response.writeHead(503).end();
      else if (asked === 2) response.destroy();
      else response.end(multistatus(folderAt("/"), objectAt("/x.jpg")));
    });
    const store = storeAt(server.url);
    assert.deepEqual(await keysOf(store), ["x.jpg"]);
    await store.close();
  });

  test("carries no credentials to another server, and follows nothing that writes", async () => {
    await using other = await startStandIn((_request, response) => {
      const length = { "content-length": "1", "last-modified": new Date(0).toUTCString() };
      response.writeHead(200, length).end("m");
    });
    await using server = await startStandIn((request, response) => {
      request.resume();
      if (request.method === "PROPFIND" && request.url === "/") response.writeHead(207).end(multistatus(folderAt("/")));
      else if (request.method === "PROPFIND") response.writeHead(207).end(multistatus(objectAt("/x")));
      else response.writeHead(302, { location: `${other.url}x` }).end();
    });
    const store = storeAt(server.url);
    assert.equal(String(await read(store, "x")), "m");
    assert.equal(server.requests[0]?.headers.authorization, `Basic ${btoa("dav:secret")}`);
    assert.deepEqual(
      other.requests.map(({ headers }) => headers.authorization),
      [undefined],
    );
    await assert.rejects(store.remove("x"), offline);
    assert.equal(other.requests.length, 1);
    await store.close();
  });

  test("sends a token as it is, and tells it to nobody else", async () => {
    await using server = await startStandIn((request, response) => {
      request.resume();
      response.writeHead(401, { "www-authenticate": "Bearer" }).end("no");
    });
    const store = createWebdavStore({ name: "archive", root: "", settings: { url: server.url, token: "t0ken" } });
    await assert.rejects(store.head("x"), (error: Problem) => {
      assert.equal(error.code, "store-denied");
      assert.ok(!JSON.stringify([error, error.message, error.stack]).includes("t0ken"));
      return true;
    });
    assert.equal(server.requests[0]?.headers.authorization, "Bearer t0ken");
    await store.close();
  });

  test("fails a body that is shorter than was said", async () => {
    await using server = await startStandIn((_request, response) => {
      const headers = { "content-length": "10", "last-modified": new Date(0).toUTCString() };
      response.writeHead(200, headers).write("12345");
      setImmediate(() => response.destroy());
    });
    const store = storeAt(server.url);
    await assert.rejects(read(store, "x"), offline);
    await store.close();
  });
});
