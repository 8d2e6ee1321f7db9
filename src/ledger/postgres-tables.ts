/**
 * The ledger's tables in PostgreSQL, as migration steps. `jobs`, `events`, `regions`, `notes` and `erasures` are what happened, and
 * change only where personal values are erased; `job_state` and `job_counts` follow from them and could be built again.
 *
 * `id` is given at the insert and grows, but rows become visible in the order of commits, which is another one. `seq` is
 * the number among those of a kind that the chain speaks of: the sealer gives it to what is committed, under a lock, so
 * that a record that was committed late gets a later number and none is passed over.
 */
export const postgresTables: readonly string[] = [
  `create table jobs (
     n bigint generated always as identity,
     id text collate "C" primary key,
     route text collate "C" not null,
     key text collate "C" not null,
     version text collate "C" not null,
     generation bigint not null,
     lane text not null,
     job text not null,
     request_digest text,
     admitted_at bigint not null,
     erased_at bigint
   );
   create index jobs_object on jobs (key, route, version, generation);

   create table events (
     id bigint generated always as identity primary key,
     seq bigint unique,
     job_id text collate "C" not null references jobs (id),
     kind text not null,
     at bigint not null,
     detail text not null
   );
   create index events_job on events (job_id, id);
   create index events_unordered on events (id) where seq is null;

   create table notes (
     id bigint generated always as identity primary key,
     seq bigint unique,
     note text not null
   );
   create index notes_unordered on notes (id) where seq is null;

   create table erasures (
     id bigint generated always as identity primary key,
     seq bigint unique,
     erasure text not null
   );
   create index erasures_unordered on erasures (id) where seq is null;

   -- Only their number in the order, once, and what an erasure takes out within its own transaction.
   create function veil_append_only() returns trigger language plpgsql as $$
   begin
     if tg_op = 'UPDATE' and current_setting('veil.erasing', true) = 'on' and tg_table_name <> 'erasures' then
       return new;
     end if;
     if tg_op = 'UPDATE' and old.seq is null and to_jsonb(new) - 'seq' = to_jsonb(old) - 'seq' then
       return new;
     end if;
     raise exception '% are append-only', tg_table_name;
   end $$;
   create trigger events_stay before update or delete on events for each row execute function veil_append_only();
   create trigger notes_stay before update or delete on notes for each row execute function veil_append_only();
   create trigger erasures_stay before update or delete on erasures for each row execute function veil_append_only();

   create table job_state (
     job_id text collate "C" primary key references jobs (id),
     route text collate "C" not null,
     state text not null,
     attempts bigint not null,
     updated_at bigint not null,
     seq bigint not null,
     last text not null,
     code text,
     published boolean not null default false,
     erased boolean not null default false,
     claimed_by text,
     claimed_until bigint not null default 0
   );
   create index job_state_seq on job_state (seq);
   create index job_state_state on job_state (state, seq);
   create index job_state_route on job_state (route, state, seq);
   create index job_state_unpublished on job_state (seq) where state = 'admitted' and not published;
   create index job_state_trouble on job_state (route, state, code) where state in ('failed', 'held', 'dead');
   create index job_state_retried on job_state (route, attempts) where attempts > 1;
   create index job_state_ended on job_state (updated_at, route, state) where state in ('done', 'skipped', 'held', 'dead');

   -- What came and went, added up when it is read, and by the way: one row for each count would let all writers wait for each other.
   create table job_counts (route text collate "C" not null, state text not null, jobs bigint not null);

   -- Where faces are: no part of the chain, which has their digest, and gone with a job's names.
   create table regions (job_id text collate "C" primary key references jobs (id), regions text not null);
   create function veil_regions_stay() returns trigger language plpgsql as $$
   begin
     if tg_op = 'DELETE' and current_setting('veil.erasing', true) = 'on' then return old; end if;
     raise exception 'regions are append-only';
   end $$;
   create trigger regions_stay before update or delete on regions for each row execute function veil_regions_stay();

   create table seals (
     position bigint primary key,
     kind text not null,
     seq bigint not null,
     seed bytea,
     commitments text,
     erasure text,
     leaf bytea not null,
     chain bytea not null,
     unique (kind, seq)
   );
   create table tree (level integer, place bigint, hash bytea not null, primary key (level, place));
   create table heads (size bigint primary key, head text not null);
   create table head_keys (id text primary key, public_key text not null);
   create table digests (digest bytea, position bigint, original boolean, primary key (digest, position, original));
   create index digests_position on digests (position);
   create table sealing (one integer primary key check (one = 1), holder text, held_until bigint not null);
   insert into sealing values (1, null, 0);`,
  // The queue's copy of a job that had begun may be lost. The next event shows that it was not.
  `alter table job_state add column lost boolean not null default false;
   create index job_state_lost on job_state (seq) where lost;`,
];

/** How long a claim was to last, as migration steps of their own. */
export const postgresClaims: readonly string[] = ["alter table job_state add column claim_ms bigint"];
