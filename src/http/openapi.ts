import type { SwaggerTransformObject } from "@fastify/swagger";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import { z } from "zod";
import { problemSchema } from "./schema.ts";

/** Schemas by content type. */
type Content = Readonly<Record<string, z.ZodType>>;

declare module "fastify" {
  /** For the description alone: bodies with their examples, and what a handler streams by itself. */
  interface FastifyContextConfig {
    readonly bodies?: Content;
    readonly answer?: Content;
  }
}

/** Describes a route, with the bodies and the answer of its config. */
export const describeRoute: typeof jsonSchemaTransform = (document) => {
  const described = jsonSchemaTransform(document);
  const { bodies, answer } = document.route.config ?? {};
  return {
    ...described,
    schema: {
      ...described.schema,
      ...(bodies && { body: { content: contentOf(bodies, "input") } }),
      ...(answer && { response: { 200: { description: "Success", content: contentOf(answer, "output") } } }),
    },
  };
};

/** Of a description, what is added to here: operations by path and method. */
type Paths = Readonly<Record<string, Readonly<Record<string, { readonly responses: Record<string, unknown> }>>>>;

/** The answer that every operation may give, as a shared component. */
const problemResponse = {
  description: "What went wrong (RFC 9457); `code` is one of those in docs/errors.md",
  content: contentOf({ "application/problem+json": problemSchema }, "output"),
};

/** Adds to the finished description that every operation may answer a problem. */
export const describeProblems: SwaggerTransformObject = (document) => {
  if (!("openapiObject" in document)) return document.swaggerObject;
  const { openapiObject: description } = document;
  for (const path of Object.values((description.paths ?? {}) as Paths)) {
    for (const operation of Object.values(path))
      operation.responses.default = { $ref: "#/components/responses/Problem" };
  }
  const components = { ...description.components, responses: { Problem: problemResponse } };
  return { ...description, components } as ReturnType<SwaggerTransformObject>;
};

function contentOf(schemas: Content, io: "input" | "output"): Record<string, { schema: object }> {
  const entries = Object.entries(schemas).map(([type, schema]) => {
    const { $schema: _, ...json } = z.toJSONSchema(schema, { io, override: withExamples });
    return [type, { schema: json }] as const;
  });
  return Object.fromEntries(entries);
}

/** zod leaves a schema's examples out where a part of it is preprocessed. */
function withExamples({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodType;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}) {
  const { examples } = z.globalRegistry.get(zodSchema) ?? {};
  if (Array.isArray(examples)) jsonSchema.examples = examples;
}
