import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { type Client, startClient } from "./client.ts";

/** What is looked at of the API's description. */
interface Description {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly responses: Record<string, { readonly content: object }> };
}
interface Operation {
  readonly parameters: readonly { readonly name: string }[];
  readonly requestBody?: { readonly content: Record<string, Body> };
  readonly responses: Record<string, unknown>;
}
interface Body {
  readonly schema: FormSchema;
  readonly example?: object;
}
interface FormSchema {
  readonly properties: Record<string, unknown>;
  readonly required: readonly string[];
}

let veil: Client;

before(async () => {
  veil = await startClient({});
});
after(() => veil[Symbol.asyncDispose]());

describe("the description of the API", () => {
  test("is the one that is checked in, and there is a page of it", async () => {
    const described = await (await veil.get("/api/openapi.json")).json();
    assert.deepEqual(described, parse(await readFile(new URL("../../docs/openapi.yaml", import.meta.url), "utf8")));
    const page = await veil.get("/api/docs/");
    assert.equal(page.status, 200);
  });

  test("says what to send as a form, and that any answer may be a problem", async () => {
    const { paths, components } = (await (await veil.get("/api/openapi.json")).json()) as Description;
    const formOf = (path: string) => paths[path]!.post!.requestBody!.content["multipart/form-data"]!.schema;
    const file = { type: "string", format: "binary", description: "The picture's file" };
    for (const path of ["/api/v1/anonymize", "/api/v1/detect", "/api/v1/jobs"]) {
      const { properties, required } = formOf(path);
      assert.deepEqual([properties.image, required], [file, ["image"]], path);
      assert.ok(
        paths[path]!.post!.parameters.some(({ name }) => name === "style"),
        path,
      );
      assert.equal("regions" in properties, path === "/api/v1/anonymize");
    }
    const { images } = formOf("/api/v1/anonymize/batch").properties;
    assert.deepEqual((images as { items: unknown }).items, file);
    assert.ok("application/json" in paths["/api/v1/jobs"]!.post!.requestBody!.content);
    for (const [path, operations] of Object.entries(paths)) {
      for (const { responses } of Object.values(operations))
        assert.deepEqual(responses.default, { $ref: "#/components/responses/Problem" }, path);
    }
    assert.ok("application/problem+json" in components.responses.Problem!.content);
  });

  test("has examples for JSON, and tells of every form field with a sample that says nothing", async () => {
    // The API's page fills in the example, or a sample of every field it is told of: 1 for min_score would mask nothing.
    const { paths } = (await (await veil.get("/api/openapi.json")).json()) as Description;
    const bodies = Object.values(paths).flatMap(({ post }) => Object.entries(post?.requestBody?.content ?? {}));
    const samples = bodies.map(([type, { schema, example }]) =>
      type === "application/json" ? example : schema.properties,
    );
    assert.equal(samples.length, 12);
    for (const sample of samples) assert.ok(sample !== undefined);
    const forms = bodies.filter(([type]) => type === "multipart/form-data");
    assert.equal(forms.length, 4);
    for (const [, { schema }] of forms) {
      const { image: _, images: __, ...fields } = schema.properties as Record<string, { examples?: string[] }>;
      assert.ok(["style", "strength", "profile", "min_score", "quality"].every((name) => name in fields));
      for (const [name, { examples }] of Object.entries(fields)) assert.deepEqual(examples, [""], name);
    }
  });
});
