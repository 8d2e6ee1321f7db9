import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { parse } from "yaml";
import { configFields } from "../src/config/fields.ts";
import { writeSetting } from "../src/config/write.ts";
import { type ConfigSources, loadConfig, printConfig } from "../src/config.ts";
import { defaultPolicy } from "../src/core/policy.ts";
import { faultsOf } from "./config/faults.ts";

const root = mkdtempSync(join(tmpdir(), "veil-config-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A working folder of its own, with a veil.yaml in its data folder where one is given. */
function folder(yaml?: string): string {
  const cwd = mkdtempSync(join(root, "cwd-"));
  if (yaml !== undefined) {
    mkdirSync(join(cwd, "veil-data"));
    writeFileSync(join(cwd, "veil-data", "veil.yaml"), yaml);
  }
  return cwd;
}

function load(sources: Partial<ConfigSources> = {}) {
  return loadConfig({ flags: {}, env: {}, cwd: root, ...sources });
}

const faults = (sources: Partial<ConfigSources>) => faultsOf({ cwd: root, ...sources });

describe("defaults", () => {
  test("without any configuration veil serves loopback from ./veil-data", () => {
    const cwd = folder();
    const config = load({ cwd });
    assert.equal(config.dataDir, join(cwd, "veil-data"));
    assert.equal(config.host, "127.0.0.1");
    assert.equal(config.port, 8080);
    assert.equal(config.folder.input, join(cwd, "veil-data", "input_photos"));
    assert.equal(config.folder.output, join(cwd, "veil-data", "output_anonymous"));
    assert.deepEqual(config.policy, defaultPolicy);
    assert.equal(config.engine.processes, Math.min(8, availableParallelism()));
    assert.equal(config.jobs.maxRetries, 3);
    assert.deepEqual(new Set(Object.values(config.origins)), new Set(["default"]));
  });

  test("the configuration is frozen to its depth", () => {
    const config = load();
    assert.throws(() => Object.assign(config, { port: 1 }), TypeError);
    assert.throws(() => Object.assign(config.policy, { style: "solid" }), TypeError);
  });
});

describe("style cosmetic", () => {
  test("is refused unless policy.cosmetic says that it is no anonymisation", () => {
    const flags = { set: ["policy.style=cosmetic"] };
    const [fault, ...more] = faults({ flags });
    assert.match(fault ?? "", /^policy\.style \(--set\): cosmetic does not anonymise/);
    assert.deepEqual(more, []);
    assert.match(faults({ flags: { set: [...flags.set, "policy.cosmetic=yes"] } })[0] ?? "", /^policy\.cosmetic/);
    const { policy } = load({ flags: { set: [...flags.set, "policy.cosmetic=this is not anonymisation"] } });
    assert.equal(policy.style, "cosmetic");
  });
});

describe("precedence", () => {
  const cwd = folder("port: 1001\npolicy:\n  style: solid\n  quality: 70\nlimits:\n  maxFrames: 7\n");
  const env = { VEIL_PORT: "1002", VEIL_POLICY_QUALITY: "71", VEIL_LOG_LEVEL: "" };

  test("a file overrides defaults, a variable the file, a flag the variable", () => {
    const config = load({ cwd, env, flags: { port: "1003" } });
    assert.equal(config.limits.maxFrames, 7);
    assert.equal(config.policy.style, "solid");
    assert.equal(config.policy.quality, 71);
    assert.equal(config.port, 1003);
  });

  test("every value knows where it came from", () => {
    const { origins } = load({ cwd, env, flags: { port: "1003", set: ["policy.profile=fast"] } });
    assert.equal(origins["limits.maxFrames"], "veil.yaml:6");
    assert.equal(origins["policy.quality"], "VEIL_POLICY_QUALITY");
    assert.equal(origins.port, "--port");
    assert.equal(origins["policy.profile"], "--set");
    assert.equal(origins["policy.strength"], "default");
  });

  test("an empty variable counts as absent", () => {
    assert.equal(load({ cwd, env }).logLevel, "info");
  });

  test("a flag of its own wins over --set", () => {
    assert.equal(load({ flags: { set: ["port=1"], port: "2" } }).port, 2);
  });

  test("every setting can be given as a variable of its name and by --set", () => {
    const samples: Record<string, string> = { boolean: "false", integer: "300", number: "0.5", string: "/some/where" };
    const sampleOf = ({ path, type, expected }: (typeof configFields)[number]) => {
      if (path === "folder.input" || path === "folder.output" || path === "ledger.heads") return `/some/${path}`;
      if (path === "policy.quality" || path === "jobs.maxRetries") return "20";
      if (path === "engine.processes") return "2";
      if (path === "policy.cosmetic") return expected;
      if (path === "cache.redis.url") return "redis://somewhere";
      if (path === "ledger.url") return "postgres://somewhere";
      if (path === "roles") return "worker,api";
      if (path === "queue.url" || path === "events.amqp.url") return "amqp://somewhere";
      if (path.endsWith(".brokers")) return "somewhere:9092";
      if (path === "events.webhook.token") return "long enough to be one";
      if (/^(events\.sqs\.endpoint|auth\.oidc\.issuer)$/.test(path)) return "http://somewhere";
      if (path === "auth.jwt.algorithms") return "ES256";
      if (path === "alerts.summaryHour") return "8";
      const sample = /such as ([^\s,]+)/.exec(expected)?.[1];
      if (sample !== undefined) return sample;
      if (/Ms$/.test(path)) return "2000";
      const choice = /^(?:one of )?([\w.:-]+)(?:,|$)/.exec(expected)?.[1];
      return type === "string" && expected !== "a path" ? String(choice) : String(samples[type]);
    };
    // One place for the keys of tokens or the other, never both.
    const together = configFields.filter(({ path }) => path !== "auth.jwt.jwksUrl");
    const variables = Object.fromEntries(together.map((field) => [field.env, sampleOf(field)]));
    const assignments = together.map((field) => `${field.path}=${sampleOf(field)}`);
    assert.equal(new Set(configFields.map(({ env }) => env)).size, configFields.length);
    const { origins: fromEnv, ...byEnv } = load({ env: variables });
    const { origins: fromSet, ...bySet } = load({ flags: { set: assignments } });
    assert.deepEqual(byEnv, bySet);
    for (const { path, env } of together) {
      assert.equal(fromEnv[path], env);
      assert.equal(fromSet[path], "--set");
    }
  });
});

describe("files", () => {
  test("--config names a file in place of the data folder's, and VEIL_CONFIG does too", () => {
    const cwd = folder("port: 1\n");
    writeFileSync(join(cwd, "other.yaml"), "port: 2\ndataDir: elsewhere\n");
    for (const given of [{ flags: { config: "other.yaml" } }, { env: { VEIL_CONFIG: "other.yaml" } }]) {
      const config = load({ cwd, ...given });
      assert.equal(config.port, 2);
      assert.equal(config.dataDir, join(cwd, "elsewhere"));
    }
  });

  test("paths in a file start from the file's folder, those of flags and variables from the working folder", () => {
    const cwd = folder("folder:\n  input: ../photos\n");
    const config = load({ cwd, env: { VEIL_FOLDER_OUTPUT: "masked" } });
    assert.equal(config.folder.input, join(cwd, "photos"));
    assert.equal(config.folder.output, join(cwd, "masked"));
  });

  test("an empty file, or a section of which all is commented out, says nothing", () => {
    assert.equal(load({ cwd: folder("") }).port, 8080);
    assert.equal(load({ cwd: folder("policy:\n#  style: solid\n") }).policy.style, "blur");
  });

  test("a named file that is absent is a fault", () => {
    assert.deepEqual(faults({ cwd: root, flags: { config: "absent.yaml" } }), [
      `${join(root, "absent.yaml")}: there is no such file`,
    ]);
  });

  test("a file that is no YAML is a fault with its line", () => {
    assert.match(faults({ cwd: folder("port: 1\npolicy: [1\n") })[0] ?? "", /^veil\.yaml:\d: /);
    assert.match(faults({ cwd: folder("port: 1\nport: 2\n") })[0] ?? "", /^veil\.yaml:2: .*unique/);
    assert.deepEqual(faults({ cwd: folder("- port\n") }), [
      "settings (veil.yaml:1): expected names and values below it",
    ]);
  });

  test("a file in the data folder can't move the data folder", () => {
    assert.match(faults({ cwd: folder("dataDir: /elsewhere\n") })[0] ?? "", /^dataDir \(veil\.yaml:1\): .*--data-dir/);
  });
});

describe("faults", () => {
  test("all of them are reported at once, each with its path, place, expectation and value", () => {
    const cwd = folder('port: "80"\npolicy:\n  stlye: solid\n  quality: 101\nfolder:\n  input: .\n');
    const found = faults({
      cwd,
      env: { VEIL_ENGINE_PROCESSES: "many", VEIL_POLCY_STYLE: "solid" },
      flags: { host: "0.0.0.0", set: ["limits.maxFrames=0", "oops"] },
    });
    assert.deepEqual(found.slice(0, 8), [
      "policy.stlye (veil.yaml:3): there is no such setting; did you mean policy.style?",
      "VEIL_POLCY_STYLE (environment): there is no such setting; did you mean VEIL_POLICY_STYLE?",
      "--set oops: expected path=value, for example policy.style=solid",
      'port (veil.yaml:1): expected a whole number from 0 to 65535 but received "80"',
      "policy.quality (veil.yaml:4): expected a whole number from 1 to 100 but received 101",
      "limits.maxFrames (--set): expected a whole number of at least 1 but received 0",
      'engine.processes (VEIL_ENGINE_PROCESSES): expected a whole number from 1 to 256 but received "many"',
      'host (--host): "0.0.0.0" is reached by others, which needs http.certFile and http.keyFile, or http.trustedProxies where a proxy encrypts; http.allowPlain=true does without',
    ]);
    assert.match(
      found[8] ?? "",
      /^folder\.input \(veil\.yaml:6\) and folder\.output \(default\): expected two separate/,
    );
    assert.match(found[9] ?? "", /^folder\.input \(veil\.yaml:6\): expected a folder for photographs alone/);
    assert.equal(found.length, 10);
  });

  test("the nearest name is suggested whatever its spelling, and none where nothing is near", () => {
    assert.match(faults({ cwd: folder("data_dir: x\n") })[0] ?? "", /did you mean dataDir\?/);
    assert.match(faults({ cwd: folder("style: solid\n") })[0] ?? "", /did you mean policy\.style\?/);
    assert.match(faults({ cwd: folder("limit:\n  maxBytes: 1\n") })[0] ?? "", /did you mean limits\?/);
    assert.equal(faults({ cwd: folder("kubernetes: 1\n") })[0], "kubernetes (veil.yaml:1): there is no such setting");
    assert.match(faults({ cwd: folder("__proto__:\n  port: 1\n") })[0] ?? "", /^__proto__ .*no such setting/);
  });

  test("a number that is empty, or a yes that is neither true nor false, is a fault", () => {
    assert.match(faults({ flags: { set: ["port="] } })[0] ?? "", /received ""/);
    assert.match(faults({ env: { VEIL_FOLDER_WATCH: "yes" } })[0] ?? "", /expected true or false but received "yes"/);
    assert.match(faults({ cwd: folder("port:\n") })[0] ?? "", /received null/);
  });

  test("the variables of a Kubernetes Service that is called veil are no settings", () => {
    const env = { VEIL_SERVICE_HOST: "10.0.0.1", VEIL_PORT: "tcp://10.0.0.1:80", VEIL_PORT_80_TCP_ADDR: "10.0.0.1" };
    assert.equal(load({ env }).port, 8080);
  });
});

describe("alerts", () => {
  const cwd = folder(
    "alerts:\n  summaryHour: 7\n  webhook:\n    url: https://example.org/hooks/s3cr3t\n    secretFile: keys/veil\n  mail:\n    host: mail.example.org\n    from: a@example.org\n    to: b@example.org, c@example.org\n",
  );

  test("are set in sections within a section, and the webhook's address is shown to nobody", () => {
    const config = load({ cwd });
    assert.equal(config.alerts.webhook.url, "https://example.org/hooks/s3cr3t");
    assert.equal(config.alerts.webhook.secretFile, join(cwd, "veil-data", "keys", "veil"));
    assert.deepEqual([config.alerts.mail.to, config.alerts.mail.port], ["b@example.org, c@example.org", 587]);
    const printed = printConfig(config);
    assert.ok(!printed.includes("s3cr3t"));
    assert.match(printed, /^ {2}webhook:\n {4}url: "\(not shown\)" +# veil\.yaml:4$/m);
    assert.equal(parse(printed).alerts.mail.from, "a@example.org");
    const [fault] = faults({ env: { VEIL_ALERTS_WEBHOOK_URL: "ftp://example.org/s3cr3t" } });
    assert.match(fault ?? "", /^alerts\.webhook\.url \(VEIL_ALERTS_WEBHOOK_URL\): .* which is not shown$/);
  });

  test("by mail need a server, a sender and somebody to read them", () => {
    assert.deepEqual(faults({ flags: { set: ["alerts.mail.host=mail.example.org"] } }), [
      "alerts.mail.host (--set): expected alerts.mail.from and alerts.mail.to too",
    ]);
    const set = ["alerts.mail.host=m", "alerts.mail.from=veil", "alerts.mail.to=a@b, "];
    assert.equal(faults({ flags: { set } }).length, 2);
    assert.match(
      faults({ cwd: folder("alerts:\n  mail: x\n") })[0] ?? "",
      /^alerts\.mail \(veil\.yaml:2\): expected names/,
    );
    assert.match(faults({ cwd: folder("alerts:\n  mial:\n    host: x\n") })[0] ?? "", /did you mean alerts\.mail\?/);
  });

  test("a window for bulk work is a stretch of the day", () => {
    assert.equal(load({ flags: { set: ["jobs.window=22:00-06:00"] } }).jobs.window, "22:00-06:00");
    const [fault] = faults({ flags: { set: ["jobs.window=at night"] } });
    assert.equal(
      fault,
      'jobs.window (--set): expected a stretch of the day such as 22:00-06:00 but received "at night"',
    );
  });
});

describe("printing", () => {
  test("what is printed is a veil.yaml that gives the same configuration, with origins", () => {
    const cwd = folder("policy:\n  minScore: 0.25\nfolder:\n  input: '/odd: folder # 1'\n");
    const config = load({ cwd, flags: { port: "9000" } });
    const text = printConfig(config);
    assert.match(text, /^port: 9000 +# --port$/m);
    assert.match(text, /^ {2}minScore: 0\.25 +# veil\.yaml:2$/m);
    const { origins, ...values } = config;
    assert.deepEqual(parse(text), values);
    writeFileSync(join(cwd, "printed.yaml"), text);
    const { origins: _, ...again } = load({ cwd, flags: { config: "printed.yaml" } });
    assert.deepEqual(again, values);
  });
});

describe("a secret", () => {
  const url = "rediss://veil:p%40ss-word@cache.example:6380/2";

  test("is neither printed nor told in a fault", () => {
    const flags = { set: [`cache.redis.url=${url}`, "cache.driver=redis"] };
    const config = load({ flags });
    assert.equal(config.cache.redis?.url, url);
    const text = printConfig(config);
    assert.match(text, /^cache:\n {2}driver: redis .*\n(.*\n){2} {2}redis:\n {4}url: "\(not shown\)" +# --set$/m);
    assert.doesNotMatch(text, /ss-word|cache\.example/);
    const [fault] = faults({ flags: { set: [`cache.redis.url=http${url}`] } });
    assert.match(fault ?? "", /^cache\.redis\.url \(--set\): expected redis:.* which is not shown$/);
    assert.doesNotMatch(fault ?? "", /ss-word/);
  });

  test("may stand in a file that a variable names", () => {
    const cwd = folder();
    writeFileSync(join(cwd, "redis-url"), `${url}\n`);
    const { cache, origins } = load({ cwd, env: { VEIL_CACHE_REDIS_URL_FILE: "redis-url" } });
    assert.equal(cache.redis?.url, url);
    assert.equal(origins["cache.redis.url"], "VEIL_CACHE_REDIS_URL_FILE");
    const [absent] = faults({ cwd, env: { VEIL_CACHE_REDIS_URL_FILE: "nothing" } });
    assert.match(absent ?? "", /^cache\.redis\.url \(VEIL_CACHE_REDIS_URL_FILE\): nothing can't be read \(ENOENT\)$/);
    const [other] = faults({ cwd, env: { VEIL_PORT_FILE: "redis-url" } });
    assert.match(other ?? "", /^VEIL_PORT_FILE \(environment\): there is no such setting/);
  });

  test("with signs that end an address early is refused before a client tells it", () => {
    for (const password of ["Se/cret", "Se#cret", "Se?cret", "5672/cret", "Se%cret"]) {
      const [fault, ...others] = faults({ env: { VEIL_EVENTS_AMQP_URL: `amqp://veil:${password}@rabbit:5672/` } });
      assert.match(
        fault ?? "",
        /^events\.amqp\.url \(VEIL_EVENTS_AMQP_URL\): expected amqp:.* which is not shown$/,
        password,
      );
      assert.deepEqual(others, []);
    }
    for (const address of ["amqp://veil:Se%2Fcr@et@rabbit:5672/some%2Fhost?heartbeat=10", "amqps://rabbit"]) {
      assert.equal(load({ flags: { set: [`events.amqp.url=${address}`] } }).events.amqp.url, address);
    }
  });

  test("that driver redis needs is missed at the start", () => {
    assert.deepEqual(faults({ flags: { set: ["cache.driver=redis"] } }), [
      "cache.driver (--set): redis needs cache.redis.url, which is missing",
    ]);
  });
});

test("docs/configuration.md has one row for every setting, with its variable, default and meaning", () => {
  const text = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| `"));
  const expected = configFields.map(
    ({ path, env, shown, expected, description }) =>
      `| \`${path}\` | \`${env}\` | ${shown} | ${description} Expects ${expected}. |`,
  );
  assert.deepEqual(rows, expected);
});

describe("a setting that veil writes", () => {
  test("leaves other lines, comments and who may read the file as they were", async () => {
    const file = join(mkdtempSync(join(root, "cwd-")), "veil.yaml");
    writeFileSync(file, "# mine\nengine:\n  processes: 1 # quiet\n", { mode: 0o600 });
    await writeSetting(file, "detector", "yunet", "unused");
    assert.equal(readFileSync(file, "utf8"), "# mine\nengine:\n  processes: 1 # quiet\ndetector: yunet\n");
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });
});
