/**
 * The ledger's tables, as migration steps. `jobs`, `events`, `regions`, `notes` and `erasures` are what happened, and change only
 * where personal values are erased; `job_state` and `job_counts` follow from them and could be built again. The triggers
 * keep veil from mistakes; what somebody with the file does, the chain shows.
 */
export const ledgerTables: readonly string[] = [
  `create table jobs (
     id text primary key,
     route text not null,
     key text not null,
     version text not null,
     generation integer not null,
     lane text not null,
     job text not null,
     request_digest text,
     admitted_at integer not null
   ) strict;
   create index jobs_object on jobs (key, route, version, generation);

   create table events (
     seq integer primary key autoincrement,
     job_id text not null references jobs (id),
     kind text not null,
     at integer not null,
     detail text not null
   ) strict;
   create index events_job on events (job_id, seq);
   create trigger events_stay_same before update on events begin select raise(abort, 'events are append-only'); end;
   create trigger events_stay before delete on events begin select raise(abort, 'events are append-only'); end;

   create table notes (
     seq integer primary key autoincrement,
     note text not null
   ) strict;
   create trigger notes_stay_same before update on notes begin select raise(abort, 'notes are append-only'); end;
   create trigger notes_stay before delete on notes begin select raise(abort, 'notes are append-only'); end;

   create table job_state (
     job_id text primary key references jobs (id),
     route text not null,
     state text not null,
     attempts integer not null,
     updated_at integer not null,
     seq integer not null,
     last text not null
   ) strict;
   create index job_state_state on job_state (state, seq);
   create index job_state_route on job_state (route, state, seq);

   create table job_counts (
     route text not null,
     state text not null,
     jobs integer not null,
     primary key (route, state)
   ) strict, without rowid;
   create trigger job_counts_enter after insert on job_state begin
     insert into job_counts values (new.route, new.state, 1) on conflict do update set jobs = jobs + 1;
   end;
   create trigger job_counts_move after update of state on job_state when new.state <> old.state begin
     update job_counts set jobs = jobs - 1 where route = old.route and state = old.state;
     insert into job_counts values (new.route, new.state, 1) on conflict do update set jobs = jobs + 1;
   end;`,
  // The chain over all records; `erasing` has its row only inside a transaction that erases.
  `alter table jobs add column erased_at integer;

   create table seals (
     position integer primary key,
     kind text not null,
     seq integer not null,
     seed blob,
     commitments text,
     erasure text,
     leaf blob not null,
     chain blob not null,
     unique (kind, seq)
   ) strict;
   create table tree (level integer, place integer, hash blob not null, primary key (level, place)) strict, without rowid;
   create table heads (size integer primary key, head text not null) strict;
   create table head_keys (id text primary key, public_key text not null) strict, without rowid;
   create table digests (
     digest blob,
     position integer,
     original integer,
     primary key (digest, position, original)
   ) strict, without rowid;
   create index digests_position on digests (position);
   create table sealing (one integer primary key check (one = 1), holder text, held_until integer not null, batch text) strict;
   insert into sealing values (1, null, 0, null);

   create table erasures (seq integer primary key autoincrement, erasure text not null) strict;
   create table erasing (one integer primary key check (one = 1)) strict;
   drop trigger events_stay_same;
   create trigger events_stay_same before update on events when not exists (select 1 from erasing)
     begin select raise(abort, 'events are append-only'); end;
   drop trigger notes_stay_same;
   create trigger notes_stay_same before update on notes when not exists (select 1 from erasing)
     begin select raise(abort, 'notes are append-only'); end;
   create trigger erasures_stay_same before update on erasures
     begin select raise(abort, 'erasures are append-only'); end;
   create trigger erasures_stay before delete on erasures
     begin select raise(abort, 'erasures are append-only'); end;`,
  // Of the projection: a queue that keeps copies has confirmed the job.
  `alter table job_state add column published integer not null default 0;
   create index job_state_unpublished on job_state (seq) where state = 'admitted' and published = 0;`,
  // Where faces are: no part of the chain, which has their digest, and gone with a job's names.
  `create table regions (
     job_id text primary key references jobs (id),
     regions text not null
   ) strict, without rowid;
   create trigger regions_stay_same before update on regions
     begin select raise(abort, 'regions are append-only'); end;
   create trigger regions_stay before delete on regions when not exists (select 1 from erasing)
     begin select raise(abort, 'regions are append-only'); end;`,
  // Of the projection: the queue's copy of a job that had begun may be lost. The next event shows that it was not.
  `alter table job_state add column lost integer not null default 0;
   create index job_state_lost on job_state (seq) where lost = 1;`,
];

/** Who works on a started job, of the projection too, as migration steps of their own. */
export const claimColumns: readonly string[] = [
  `alter table job_state add column claimed_by text;
   alter table job_state add column claimed_until integer not null default 0;`,
];
