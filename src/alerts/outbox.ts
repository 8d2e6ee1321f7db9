import type { Row, Sqlite, Statement } from "../sqlite.ts";
import type { Alert, AlertMessage } from "./alert.ts";

/** What waits to be sent, and which alerts are being counted instead of told. */
export interface Outbox {
  /** Takes alerts in: the first of its kind and route is to be sent, what follows within the interval is counted. */
  add(raised: readonly Raised[], now: number): Promise<void>;
  /** Messages for all channels, not throttled. `mark` and they are written together. */
  post(messages: readonly AlertMessage[], mark?: Mark): Promise<void>;
  due(channel: string, now: number, limit: number): Promise<readonly Waiting[]>;
  /** `mark` and the removal are written together. */
  sent(channel: string, ids: readonly string[], mark?: Mark): Promise<void>;
  postpone(channel: string, ids: readonly string[], dueAt: number): Promise<void>;
  mark(name: string): Promise<number | undefined>;
  /** How many messages wait, by channel. */
  sizes(): Promise<Readonly<Record<string, number>>>;
}

/** Alerts of one kind and route that came together. */
export interface Raised {
  /** The newest. */
  readonly alert: Alert;
  readonly count: number;
}

/** A time to be remembered across restarts. */
export interface Mark {
  readonly name: string;
  readonly at: number;
}

export interface Waiting {
  readonly message: AlertMessage;
  readonly attempts: number;
  readonly createdAt: number;
}

export interface OutboxOptions {
  readonly sqlite: Sqlite;
  readonly channels: readonly string[];
  /** How long alerts of one kind and route are counted after one of them was sent. */
  readonly intervalMs: number;
  newId(): string;
}

const tables = [
  `create table alert_outbox (
     id text not null,
     channel text not null,
     message text not null,
     created_at integer not null,
     due_at integer not null,
     attempts integer not null,
     primary key (channel, id)
   ) strict, without rowid;
   create table alert_windows (
     kind text not null,
     route text not null, -- '' for none
     until integer not null,
     count integer not null, -- not told yet
     alert text, -- the newest of them
     primary key (kind, route)
   ) strict, without rowid;
   create table alert_marks (name text primary key, at integer not null) strict, without rowid;`,
];

/** An outbox in a SQLite file: what is in it outlasts restarts. */
export async function createOutbox({ sqlite, channels, intervalMs, newId }: OutboxOptions): Promise<Outbox> {
  await sqlite.migrate("alerts", tables);

  async function read(sql: string, params: Statement["params"] = {}): Promise<readonly Row[]> {
    const [rows] = await sqlite.read([{ sql, params }]);
    return rows!;
  }

  function insert(message: AlertMessage, at: number): Statement[] {
    return channels.map((channel) => ({
      sql: `insert into alert_outbox (id, channel, message, created_at, due_at, attempts)
        values ($id, $channel, $message, $at, $at, 0) on conflict do nothing`,
      params: { id: message.id, channel, message: JSON.stringify(message), at },
    }));
  }

  const writeMark = ({ name, at }: Mark): Statement => ({
    sql: "insert or replace into alert_marks values ($name, $at)",
    params: { name, at },
  });
  const idsOf = (channel: string, ids: readonly string[]) => ({ channel, ids: JSON.stringify(ids) });
  const these = "channel = $channel and id in (select value from json_each($ids))";

  return {
    async add(raised, now) {
      if (channels.length === 0) return;
      const windows = new Map(
        (await read("select * from alert_windows")).map((row) => [JSON.stringify([row.kind, row.route]), row]),
      );
      const fresh = new Map(raised.map((one) => [JSON.stringify([one.alert.kind, one.alert.route ?? ""]), one]));
      const statements = [...new Set([...windows.keys(), ...fresh.keys()])].flatMap((key) => {
        const [window, news] = [windows.get(key), fresh.get(key)];
        const isOver = window === undefined || Number(window.until) <= now;
        if (!isOver && news === undefined) return [];
        const counted = Number(window?.count ?? 0) + (news?.count ?? 0);
        const alert = news?.alert ?? (JSON.parse(String(window?.alert ?? "null")) as Alert | null);
        const [kind, route] = JSON.parse(key) as [string, string];
        if (alert === null || counted === 0) {
          return [{ sql: "delete from alert_windows where kind = $kind and route = $route", params: { kind, route } }];
        }
        // Of those that come first and together one is told at once, and the others are counted with what follows.
        const told = !isOver ? 0 : window === undefined ? 1 : counted;
        const rest = counted - told;
        const params = {
          ...{ kind, route, count: rest },
          until: isOver ? now + intervalMs : Number(window.until),
          alert: rest > 0 ? JSON.stringify(alert) : null,
        };
        return [
          ...(told > 0 ? insert({ ...alert, id: newId(), count: told }, now) : []),
          { sql: "insert or replace into alert_windows values ($kind, $route, $until, $count, $alert)", params },
        ];
      });
      if (statements.length > 0) await sqlite.write(statements);
    },

    async post(messages, mark) {
      const statements = messages.flatMap((message) => insert(message, message.at));
      await sqlite.write([...statements, ...(mark ? [writeMark(mark)] : [])]);
    },

    async due(channel, now, limit) {
      const rows = await read(
        `select message, attempts, created_at from alert_outbox where channel = $channel and due_at <= $now
         order by attempts, created_at, id limit $limit`,
        { channel, now, limit },
      );
      return rows.map(({ message, attempts, created_at }) => ({
        message: JSON.parse(String(message)) as AlertMessage,
        attempts: Number(attempts),
        createdAt: Number(created_at),
      }));
    },

    async sent(channel, ids, mark) {
      await sqlite.write([
        { sql: `delete from alert_outbox where ${these}`, params: idsOf(channel, ids) },
        ...(mark ? [writeMark(mark)] : []),
      ]);
    },

    async postpone(channel, ids, dueAt) {
      const sql = `update alert_outbox set attempts = attempts + 1, due_at = $dueAt where ${these}`;
      await sqlite.write([{ sql, params: { ...idsOf(channel, ids), dueAt } }]);
    },

    async mark(name) {
      const [row] = await read("select at from alert_marks where name = $name", { name });
      return row && Number(row.at);
    },

    async sizes() {
      const rows = await read("select channel, count(*) as messages from alert_outbox group by channel");
      const none = channels.map((channel) => [channel, 0] as const);
      return Object.fromEntries([...none, ...rows.map(({ channel, messages }) => [channel, Number(messages)])]);
    },
  };
}
