import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse, parseAllDocuments } from "yaml";
import { configFields } from "../../src/config/fields.ts";
import { loadConfig } from "../../src/config.ts";
import { lanes } from "../../src/core/job.ts";
import { rabbitTopology } from "../../src/queues/rabbitmq-topology.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, "deploy", "kubernetes");
interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // biome-ignore lint/suspicious/noExplicitAny: a manifest's shape is what the schemas say
  readonly spec: any;
  readonly data: Readonly<Record<string, string>>;
}
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
const resources = files
  .filter((name) => name !== "kustomization.yaml")
  .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), "utf8")).map((one) => one.toJS() as Resource));
const of = (kind: string) => resources.filter((resource) => resource.kind === kind);
const podOf = ({ spec }: Resource) => spec.template.spec;

function moduleOf({ apiVersion, kind }: Pick<Resource, "apiVersion" | "kind">): string {
  const models = apiVersion.startsWith("keda.sh/") ? "@kubernetes-models/keda" : "kubernetes-models";
  return `${models}/${apiVersion}/${kind}`;
}

/** The model that has the schema of a kind. */
async function modelOf({ apiVersion, kind }: Resource) {
  return (await import(moduleOf({ apiVersion, kind })))[kind] as new (
    resource: object,
  ) => { validate(): void };
}

/** What the compiler finds unknown in them, as values of the models' types. */
async function unknownFields(all: readonly Resource[]): Promise<readonly string[]> {
  const cache = join(root, ".cache");
  await mkdir(cache, { recursive: true });
  const file = join(cache, `manifests-${process.pid}.ts`);
  const lines = all.map((resource, index) => {
    return `import type { I${resource.kind} as T${index} } from "${moduleOf(resource)}";\nexport const r${index}: T${index} = ${JSON.stringify(resource)};`;
  });
  await writeFile(file, lines.join("\n"));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const flags = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
    "--ignoreConfig",
  ];
  try {
    await promisify(execFile)(process.execPath, [tsc, ...flags, file], { cwd: root });
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout
      .trim()
      .split("\n")
      .filter((line) => line.includes("error TS"));
  } finally {
    await rm(file);
  }
}

describe("the manifests for Kubernetes", () => {
  test("are what the schemas of Kubernetes and KEDA ask for", async () => {
    assert.ok(resources.length >= 14);
    for (const resource of resources) {
      const Model = await modelOf(resource);
      assert.doesNotThrow(() => new Model(resource).validate(), `${resource.kind} ${resource.metadata.name}`);
    }
  });

  test("have no field that Kubernetes and KEDA do not know: they would be left out without a word", async () => {
    const misspelt = structuredClone(of("Deployment")[0]!);
    podOf(misspelt).containers[0].securityContxt = {};
    const faults = await unknownFields([...resources, misspelt]);
    assert.equal(faults.length, 1, faults.join("\n"));
    assert.match(faults[0]!, /securityContxt"' does not exist/);
  });

  test("are all applied, but for what is one or the other", () => {
    const { resources: applied } = parse(readFileSync(join(folder, "kustomization.yaml"), "utf8"));
    const all = files.filter((name) => !["kustomization.yaml", "hpa.yaml", "open.yaml"].includes(name));
    assert.deepEqual([...applied].sort(), all.sort());
    for (const { kind, metadata } of resources)
      if (kind !== "Namespace") assert.equal(metadata.namespace, "veil", kind);
  });

  test("run veil as nobody special, on a root that can't be written, with limits, probes and time to stop", () => {
    const deployments = of("Deployment");
    assert.deepEqual(deployments.map(({ metadata }) => metadata.name).sort(), [
      "veil-api",
      "veil-sources",
      "veil-worker",
    ]);
    for (const deployment of deployments) {
      const pod = podOf(deployment);
      const [container] = pod.containers;
      assert.equal(pod.securityContext.runAsNonRoot, true);
      assert.equal(pod.securityContext.seccompProfile.type, "RuntimeDefault");
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(container.securityContext.readOnlyRootFilesystem, true);
      assert.equal(container.securityContext.allowPrivilegeEscalation, false);
      assert.deepEqual(container.securityContext.capabilities, { drop: ["ALL"] });
      for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"])
        assert.ok(container[probe].httpGet, probe);
      assert.ok(container.resources.requests.cpu && container.resources.limits.memory);
      assert.deepEqual(deployment.spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
      const volumes = new Set(pod.volumes.map(({ name }: { name: string }) => name));
      for (const { name } of container.volumeMounts) assert.ok(volumes.has(name), `${name} is mounted and not there`);
    }
  });

  test("name settings that veil knows, and its own files and places", async () => {
    await using data = await temporaryFolder();
    const settings = of("ConfigMap")[0]!.data["veil.yaml"]!;
    const file = join(data.path, "veil.yaml");
    await writeFile(file, settings);
    const [{ env, args }] = podOf(of("Deployment")[0]!).containers;
    const secrets = {
      VEIL_LEDGER_URL: "postgres://veil@db/veil",
      VEIL_QUEUE_URL: "amqp://mq/",
      VEIL_CACHE_REDIS_URL: "redis://cache/",
    };
    const config = loadConfig({
      flags: { config: file, dataDir: data.path, roles: args.at(-1) },
      env: secrets,
      cwd: data.path,
    });
    const variables = new Set(configFields.map((field) => field.env));
    for (const { name } of env)
      assert.ok(name === "VEIL_CONFIG" || [name, name.replace(/_FILE$/, "")].some((one) => variables.has(one)), name);
    const pod = podOf(of("Deployment")[0]!);
    assert.ok(pod.terminationGracePeriodSeconds * 1000 > config.jobs.stopWithinMs);
    assert.equal(pod.containers[0].ports[0].containerPort, config.monitor.port);
    const memory = Number.parseInt(
      podOf(of("Deployment").find(({ metadata }) => metadata.name === "veil-worker")!).containers[0].resources.limits
        .memory,
      10,
    );
    assert.ok(
      memory * 1024 > config.engine.processes * config.engine.memoryMb + 512,
      "engine processes outgrow the pod",
    );
    const mounts = new Set(pod.containers[0].volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath));
    for (const place of [config.jobs.folder, ...Object.values(config.routes!).flatMap(({ from, to }) => [from, to])])
      assert.ok(mounts.has(place), `${place} is not mounted`);
  });

  test("ask of the Secret what the documentation puts into it", () => {
    const documented = readFileSync(join(root, "docs/deployment.md"), "utf8");
    const [, command = ""] = /create secret generic veil ([\s\S]*?)\nkubectl apply -k/.exec(documented) ?? [];
    const given = [...command.matchAll(/--from-(?:literal|file)=([\w.-]+)/g)].map(([, name]) => name);
    for (const deployment of of("Deployment")) {
      const { containers, volumes } = podOf(deployment);
      const [{ env, volumeMounts }] = containers;
      const isSecret = (name: string) => volumes.find((one: { name: string }) => one.name === name)?.secret?.secretName;
      const asked = [
        ...env.flatMap(({ value = "" }) => /^\/etc\/veil-secrets\/(.+)$/.exec(value)?.[1] ?? []),
        ...volumeMounts.flatMap(({ name, subPath }: { name: string; subPath?: string }) =>
          isSecret(name) === "veil" && subPath !== undefined ? [subPath] : [],
        ),
      ];
      assert.deepEqual([...asked].sort(), [...given].sort(), deployment.metadata.name);
      const { items } = volumes.find((one: { name: string }) => isSecret(one.name) === "veil").secret;
      const mounted = items?.map(({ path }: { path: string }) => path);
      for (const name of mounted === undefined ? [] : asked) assert.ok(mounted.includes(name), name);
      // By it people log in, which the API alone lets them.
      assert.equal(mounted === undefined, deployment.metadata.name === "veil-api");
      // What else it may hold is for those who have it.
      for (const { valueFrom } of env) assert.ok(valueFrom === undefined || valueFrom.secretKeyRef.optional === true);
    }
  });

  test("let KEDA count the queues that veil makes", () => {
    const topology = rabbitTopology({ prefix: "veil", delayStepsMs: [], deliveryLimit: 1 });
    const counted = of("ScaledObject")[0]!.spec.triggers.map(
      (one: { readonly metadata: { readonly queueName: string } }) => one.metadata.queueName,
    );
    assert.deepEqual(counted.sort(), lanes.map(topology.lane).sort());
  });

  test("close the network in both directions but for what is named", () => {
    const policies = of("NetworkPolicy");
    const whole = policies.find(({ metadata }) => metadata.name === "veil")!;
    assert.deepEqual(whole.spec.podSelector.matchLabels, { "app.kubernetes.io/name": "veil" });
    assert.deepEqual(whole.spec.policyTypes, ["Ingress", "Egress"]);
    for (const rule of policies.flatMap(({ spec }) => [...spec.ingress, ...(spec.egress ?? [])])) {
      const peers = rule.from ?? rule.to;
      assert.ok(peers?.length > 0 && rule.ports?.length > 0, "a rule that opens all");
      for (const { ipBlock } of peers)
        assert.ok(ipBlock === undefined || !/\/0$/.test(ipBlock.cidr), "all the internet");
    }
    for (const deployment of of("Deployment"))
      assert.equal(deployment.spec.template.metadata.labels["app.kubernetes.io/name"], "veil");
    for (const kind of ["PodDisruptionBudget", "HorizontalPodAutoscaler", "Service"])
      assert.ok(of(kind).length > 0, kind);
  });
});
